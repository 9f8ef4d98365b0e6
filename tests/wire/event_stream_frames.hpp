#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/aws_event_stream.hpp"

/// Writes AWS event-stream messages, right ones and wrong ones.

namespace keywheel::testing {

inline void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

inline std::string string_header(std::string_view name, std::string_view value) {
  std::string out;
  append_number(out, static_cast<std::uint32_t>(name.size()), 1);
  out += name;
  append_number(out, 7, 1);
  append_number(out, static_cast<std::uint32_t>(value.size()), 2);
  out += value;
  return out;
}

/// A message of these encoded headers, with lengths and checksums that fit.
inline std::string frame(std::string_view headers, std::string_view payload) {
  std::string out;
  append_number(out, static_cast<std::uint32_t>(16 + headers.size() + payload.size()), 4);
  append_number(out, static_cast<std::uint32_t>(headers.size()), 4);
  append_number(out, detail::crc32(out), 4);
  out += headers;
  out += payload;
  append_number(out, detail::crc32(out), 4);
  return out;
}

inline std::string event_frame(std::string_view type, std::string_view payload) {
  return frame(string_header(":event-type", type) + string_header(":content-type", "application/json") +
                   string_header(":message-type", "event"),
               payload);
}

inline std::string exception_frame(std::string_view type, std::string_view payload) {
  return frame(string_header(":exception-type", type) + string_header(":message-type", "exception"), payload);
}

}  // namespace keywheel::testing
