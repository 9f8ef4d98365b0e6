#include "wire/aws_event_stream.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// What AWS's own SDKs take: https://github.com/boto/botocore/blob/develop/botocore/eventstream.py
constexpr std::size_t kMaxHeaders = std::size_t{128} << 10U;
constexpr std::size_t kMaxPayload = std::size_t{24} << 20U;
// Messages have a handful.
constexpr std::size_t kMostHeaders = 64;
constexpr std::size_t kChecksum = 4;

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// Eight bytes a step: the table of each place is the one before it, moved on by a zero byte.
constexpr Table kTables = [] {
  Table tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][i] = value;
  }
  for (std::size_t i = 0; i < 256; ++i) {
    for (std::size_t k = 1; k < 8; ++k) {
      tables[k][i] = (tables[k - 1][i] >> 8U) ^ tables[0][tables[k - 1][i] & 0xFFU];
    }
  }
  return tables;
}();

std::uint32_t byte_at(std::string_view bytes, std::size_t i) noexcept { return static_cast<unsigned char>(bytes[i]); }

std::uint32_t big_endian(std::string_view bytes) noexcept {
  return byte_at(bytes, 0) << 24U | byte_at(bytes, 1) << 16U | byte_at(bytes, 2) << 8U | byte_at(bytes, 3);
}

std::uint32_t little_endian(std::string_view bytes, std::size_t i) noexcept {
  return byte_at(bytes, i) | byte_at(bytes, i + 1) << 8U | byte_at(bytes, i + 2) << 16U | byte_at(bytes, i + 3) << 24U;
}

}  // namespace

std::string_view AwsMessage::header(std::string_view name) const noexcept {
  for (const AwsHeader& header : headers) {
    if (header.name == name && header.type == AwsHeader::Type::string) return header.value;
  }
  return {};
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) noexcept {
  std::uint32_t sum = ~before;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    const std::uint32_t low = sum ^ little_endian(bytes, i);
    const std::uint32_t high = little_endian(bytes, i + 4);
    sum = kTables[7][low & 0xFFU] ^ kTables[6][low >> 8U & 0xFFU] ^ kTables[5][low >> 16U & 0xFFU] ^
          kTables[4][low >> 24U] ^ kTables[3][high & 0xFFU] ^ kTables[2][high >> 8U & 0xFFU] ^
          kTables[1][high >> 16U & 0xFFU] ^ kTables[0][high >> 24U];
  }
  for (; i < bytes.size(); ++i) sum = (sum >> 8U) ^ kTables[0][(sum ^ byte_at(bytes, i)) & 0xFFU];
  return ~sum;
}

AwsEventStream::Status AwsEventStream::frame(std::string_view bytes) noexcept {
  size_ = 0;
  if (bytes.size() < kPrelude) return Status::ok;
  if (crc32(bytes.substr(0, 8)) != big_endian(bytes.substr(8))) return Status::malformed;
  const std::size_t size = big_endian(bytes);
  const std::size_t headers = big_endian(bytes.substr(4));
  if (headers > kMaxHeaders || size < kPrelude + headers + kChecksum) return Status::malformed;
  if (size > max_message_ || size - headers - kPrelude - kChecksum > kMaxPayload) return Status::too_large;
  size_ = size;
  headers_size_ = headers;
  return Status::ok;
}

bool AwsEventStream::open(std::string_view message) {
  const std::size_t end = size_ - kChecksum;
  if (crc32(message.substr(0, end)) != big_endian(message.substr(end))) return false;
  if (!read_headers(message.substr(kPrelude, headers_size_))) return false;
  payload_ = message.substr(kPrelude + headers_size_, end - kPrelude - headers_size_);
  size_ = 0;
  return true;
}

bool AwsEventStream::read_headers(std::string_view bytes) {
  constexpr std::array<std::size_t, 10> kSizes = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
  headers_.clear();
  while (!bytes.empty()) {
    const std::size_t name_size = byte_at(bytes, 0);
    if (name_size == 0 || bytes.size() < name_size + 2 || headers_.size() == kMostHeaders) return false;
    AwsHeader header;
    header.name = bytes.substr(1, name_size);
    const std::size_t type = byte_at(bytes, 1 + name_size);
    bytes.remove_prefix(name_size + 2);
    if (type >= kSizes.size()) return false;
    header.type = static_cast<AwsHeader::Type>(type);
    std::size_t size = kSizes[type];
    if (header.type == AwsHeader::Type::bytes || header.type == AwsHeader::Type::string) {
      if (bytes.size() < 2) return false;
      size = byte_at(bytes, 0) << 8U | byte_at(bytes, 1);
      bytes.remove_prefix(2);
    }
    if (bytes.size() < size) return false;
    header.value = bytes.substr(0, size);
    bytes.remove_prefix(size);
    const auto same = [&header](const AwsHeader& other) { return other.name == header.name; };
    if (std::any_of(headers_.begin(), headers_.end(), same)) return false;
    headers_.push_back(header);
  }
  return true;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
