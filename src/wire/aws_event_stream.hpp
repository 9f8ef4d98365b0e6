#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A header of an event-stream message. Numbers, times and ids are big-endian bytes in `value`.
struct AwsHeader {
  enum class Type : std::uint8_t { yes, no, byte, int16, int32, int64, bytes, string, timestamp, uuid };
  std::string_view name{};
  Type type = Type::string;
  std::string_view value{};
};

/// One message. The views live until the handler returns.
struct AwsMessage {
  const std::vector<AwsHeader>& headers;
  std::string_view payload{};

  /// A header of type string; empty: there is none of that name.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// CRC-32 as zlib has it. `before`: the checksum of the bytes in front of these.
[[nodiscard]] std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) noexcept;

/// AWS's framing of streams (application/vnd.amazon.eventstream) out of bytes in any pieces. Both checksums are
/// checked, that of the lengths before they are believed. A message that lies whole in the piece that is fed is handed
/// on without a copy.  https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html (the format, with the sizes
/// that the SDKs hold it to)
class AwsEventStream {
 public:
  enum class Status : std::uint8_t {
    ok,
    stopped,    ///< the handler said so; what it has not seen of the piece is dropped
    malformed,  ///< a checksum or a length is wrong; nothing after it can be read
    too_large,  ///< a message is longer than the bound
  };

  explicit AwsEventStream(std::size_t max_message) : max_message_(max_message) {}

  /// Calls `handler(const AwsMessage&)` for each message that ends in `bytes`; it returns false to stop.
  template <class Handler>
  [[nodiscard]] Status feed(std::string_view bytes, Handler&& handler) {
    while (true) {
      if (partial_.empty()) {
        const Status status = frame(bytes);
        if (status != Status::ok) return status;
        if (size_ == 0 || bytes.size() < size_) {
          partial_.assign(bytes);
          return Status::ok;
        }
        const std::string_view message = bytes.substr(0, size_);
        bytes.remove_prefix(size_);
        if (!open(message)) return Status::malformed;
        if (!handler(AwsMessage{headers_, payload_})) return Status::stopped;
        continue;
      }
      // What is held is completed as far as its lengths first, then as far as they say.
      const std::size_t wanted = size_ == 0 ? kPrelude : size_;
      const std::size_t taken = partial_.size() < wanted ? wanted - partial_.size() : 0;
      partial_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken < bytes.size() ? taken : bytes.size());
      if (partial_.size() < wanted) return Status::ok;
      if (size_ == 0) {
        const Status status = frame(partial_);
        if (status != Status::ok) return status;
        if (partial_.size() < size_) continue;
      }
      if (!open(partial_)) return Status::malformed;
      const bool go_on = handler(AwsMessage{headers_, payload_});
      partial_.clear();
      if (!go_on) return Status::stopped;
    }
  }

  /// Bytes of a message have come whose end has not.
  [[nodiscard]] bool in_message() const noexcept { return !partial_.empty(); }

 private:
  static constexpr std::size_t kPrelude = 12;

  /// Reads the lengths, if they are all there, into size_.
  [[nodiscard]] Status frame(std::string_view bytes) noexcept;
  /// Checks a whole message and takes it apart.
  [[nodiscard]] bool open(std::string_view message);
  [[nodiscard]] bool read_headers(std::string_view bytes);

  std::size_t max_message_;
  std::size_t size_ = 0;          ///< of the message that has begun; 0: not known yet
  std::size_t headers_size_ = 0;  ///< of its headers
  std::string partial_{};
  std::vector<AwsHeader> headers_{};
  std::string_view payload_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
