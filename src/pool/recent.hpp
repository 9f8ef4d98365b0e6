#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "pool/time.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What was sent in the last minute, by the second. Takes its memory when first used.
class Recent {
 public:
  void add(TimePoint at, std::int64_t requests, std::int64_t tokens);
  /// Adds up what was sent `age` seconds before the second of `now`, 0 to 59.
  void collect(TimePoint now, std::uint32_t age, std::int64_t& requests, std::int64_t& tokens) const noexcept;
  [[nodiscard]] std::int64_t requests(TimePoint now) const noexcept;
  [[nodiscard]] std::int64_t tokens(TimePoint now) const noexcept;

 private:
  struct Second {
    std::int64_t tokens = 0;
    std::uint32_t requests = 0;
    std::uint32_t number = 0;  ///< low bits of the second
  };
  using Minute = std::array<Second, 60>;

  [[nodiscard]] static std::uint32_t second(TimePoint at) noexcept {
    return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count());
  }

  std::unique_ptr<Minute> minute_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
