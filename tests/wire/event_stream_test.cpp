#include <memory>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "wire/aws_event_stream.hpp"
#include "wire/event_stream_frames.hpp"

using namespace keywheel::detail;
using keywheel::testing::append_number;
using keywheel::testing::frame;
using keywheel::testing::string_header;
using Status = AwsEventStream::Status;

namespace {

struct Read {
  Status status = Status::ok;
  std::vector<std::string> payloads{};
  bool in_message = false;
};

/// Feeds pieces of `size` bytes, each in memory of its own.
Read read(std::string_view bytes, std::size_t size, std::size_t bound = 1U << 20U) {
  AwsEventStream stream(bound);
  Read read;
  for (std::size_t at = 0; at < bytes.size() && read.status == Status::ok; at += size) {
    const auto piece = std::make_unique<std::string>(bytes.substr(at, size));
    read.status = stream.feed(*piece, [&](const AwsMessage& message) {
      read.payloads.emplace_back(message.payload);
      return true;
    });
  }
  read.in_message = stream.in_message();
  return read;
}

/// Takes a message whose headers are these bytes.
Status headers(std::string_view bytes) { return read(frame(bytes, "x"), 4096).status; }

}  // namespace

TEST_CASE("CRC-32 gives its check value, in one piece and in several", "[event_stream]") {
  CHECK(crc32("123456789") == 0xCBF43926U);
  CHECK(crc32("") == 0);
  const std::string text = "The quick brown fox jumps over the lazy dog";
  CHECK(crc32(text) == 0x414FA339U);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(crc32(text.substr(cut), crc32(text.substr(0, cut))) == 0x414FA339U);
  }
}

TEST_CASE("messages come out whole, wherever the bytes are cut", "[event_stream]") {
  const std::string bytes = frame(string_header("a", "b"), "one") + frame("", "") +
                            frame(string_header("a", std::string(300, 'v')), std::string(700, 'p')) + frame("", "last");
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const Read got = read(bytes, size);
    INFO("pieces of " << size);
    REQUIRE(got.status == Status::ok);
    CHECK(got.payloads == std::vector<std::string>{"one", "", std::string(700, 'p'), "last"});
    CHECK(!got.in_message);
  }
}

TEST_CASE("headers of every type are read", "[event_stream]") {
  std::string bytes = string_header("text", "value");
  const auto add = [&bytes](char name, std::uint32_t type, std::string_view value) {
    bytes += '\x01';
    bytes += name;
    append_number(bytes, type, 1);
    bytes += value;
  };
  add('0', 0, "");
  add('1', 1, "");
  add('2', 2, "\x7f");
  add('3', 3, "ab");
  add('4', 4, "abcd");
  add('5', 5, "abcdefgh");
  add('6', 6, std::string_view("\x00\x02xy", 4));
  add('8', 8, "abcdefgh");
  add('9', 9, "0123456789abcdef");
  AwsEventStream stream(4096);
  std::size_t count = 0;
  CHECK(stream.feed(frame(bytes, ""), [&](const AwsMessage& message) {
    count = message.headers.size();
    CHECK(message.header("text") == "value");
    CHECK(message.header("4").empty());
    CHECK(message.headers[5].value == "abcd");
    CHECK(message.headers[7].value == "xy");
    CHECK(message.headers[9].type == AwsHeader::Type::uuid);
    return true;
  }) == Status::ok);
  CHECK(count == 10);
}

TEST_CASE("one wrong bit anywhere is seen", "[event_stream]") {
  const std::string good = frame(string_header("name", "value"), "payload");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      for (const std::size_t size : {bad.size(), std::size_t{1}}) {
        const Read got = read(bad, size);
        INFO("byte " << at << " bit " << bit);
        CHECK(got.payloads.empty());
        CHECK(got.status == Status::malformed);
      }
    }
  }
}

TEST_CASE("lengths are not believed where they cannot be true", "[event_stream]") {
  const auto prelude = [](std::uint32_t size, std::uint32_t headers_size) {
    std::string out;
    append_number(out, size, 4);
    append_number(out, headers_size, 4);
    append_number(out, crc32(out), 4);
    return out;
  };
  CHECK(read(prelude(0, 0), 4096).status == Status::malformed);
  CHECK(read(prelude(15, 0), 4096).status == Status::malformed);
  CHECK(read(prelude(32, 17), 4096).status == Status::malformed);
  CHECK(read(prelude(0xFFFFFFFF, 0xFFFFFFFF), 4096).status == Status::malformed);
  CHECK(read(prelude(200'000, 150'000), 4096).status == Status::malformed);
  CHECK(read(prelude(0xFFFFFFFF, 0), 4096).status == Status::too_large);
  CHECK(read(prelude(1001, 0), 4096, 1000).status == Status::too_large);
  CHECK(read(prelude(1000, 0), 4096, 1000).status == Status::ok);
  // Beyond what AWS sends, whatever our bound says.
  CHECK(read(prelude(26U << 20U, 0), 4096, std::size_t{1} << 30U).status == Status::too_large);
}

TEST_CASE("headers that do not fit their bytes are refused", "[event_stream]") {
  using namespace std::string_view_literals;
  CHECK(headers("\x00\x07\x00\x00"sv) == Status::malformed);  // no name
  CHECK(headers("\x05"
                "ab"sv) == Status::malformed);  // the name is cut off
  CHECK(headers("\x01"
                "a"sv) == Status::malformed);  // no type
  CHECK(headers("\x01"
                "a\x0a"sv) == Status::malformed);  // no such type
  CHECK(headers("\x01"
                "a\x07\x00"sv) == Status::malformed);  // half a length
  CHECK(headers("\x01"
                "a\x07\x00\x05"
                "abc"sv) == Status::malformed);  // the value is cut off
  CHECK(headers("\x01"
                "a\x05"
                "abc"sv) == Status::malformed);  // a number is cut off
  CHECK(headers(string_header("a", "1") + string_header("a", "2")) == Status::malformed);
  std::string many;
  for (int i = 0; i < 100; ++i) many += string_header("name" + std::to_string(i), "");
  CHECK(headers(many) == Status::malformed);
  CHECK(headers("\x01"
                "a\x00"sv) == Status::ok);
}

TEST_CASE("a handler stops the stream, and a cut message shows", "[event_stream]") {
  const std::string bytes = frame("", "one") + frame("", "two");
  AwsEventStream stream(4096);
  int seen = 0;
  CHECK(stream.feed(bytes, [&](const AwsMessage&) { return ++seen < 1; }) == Status::stopped);
  CHECK(seen == 1);
  const Read cut = read(std::string_view(bytes).substr(0, bytes.size() - 1), 5);
  CHECK(cut.payloads == std::vector<std::string>{"one"});
  CHECK(cut.in_message);
}
