#include <cstddef>
#include <cstdint>
#include <string_view>

#include <keywheel/config_json.hpp>

/// Any bytes are a config or an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(keywheel::parse_config({reinterpret_cast<const char*>(data), size}));
  return 0;
}
