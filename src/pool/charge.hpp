#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <keywheel/config.hpp>
#include <keywheel/stated_quota.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a gauge counts, in the order of Charge::amounts.
enum class Counted : std::uint8_t {
  requests,
  tokens,      ///< as the provider charges them: ChargingRule
  input,       ///< likewise, of the input
  output,      ///< likewise, of the output
  all_tokens,  ///< all that were used, whatever the provider charges
  cost,        ///< millionths of the currency
};

[[nodiscard]] constexpr Counted counted(Measure measure) noexcept {
  switch (measure) {
    case Measure::requests:
      return Counted::requests;
    case Measure::tokens:
      return Counted::tokens;
    case Measure::input:
      return Counted::input;
    case Measure::output:
      return Counted::output;
  }
  return Counted::requests;
}

/// What one request reserves, or what it turned out to use.
struct Charge {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
  std::array<std::int64_t, 6> amounts{1};  ///< of each Counted; a request is one in any case
};

[[nodiscard]] constexpr std::int64_t amount_of(Counted counts, const Charge& charge) noexcept {
  return charge.amounts[static_cast<std::size_t>(counts)];
}

/// A count of tokens, within what can be added up without overflow.
[[nodiscard]] constexpr std::int64_t tokens_of(std::int64_t stated) noexcept {
  constexpr std::int64_t kMost = std::int64_t{1} << 40U;
  return stated < 0 ? 0 : stated > kMost ? kMost : stated;
}

/// Money in millionths, a fraction of one rounded up, so that what is counted is never less than what is spent.
[[nodiscard]] inline std::int64_t micros_of(double money) noexcept {
  constexpr double kMost = 1e15;
  constexpr double kRounding = 1e-6;  // what doubles add to 0.1 + 0.2
  if (!(money > 0)) return 0;
  return static_cast<std::int64_t>(std::ceil(std::min(money * 1e6, kMost) - kRounding));
}

/// `output`: what of it is charged as such.
[[nodiscard]] constexpr Charge charge_of(std::int64_t prompt, std::int64_t completion, std::int64_t output,
                                         std::int64_t cached, std::int64_t cost, const ChargingRule& rule) noexcept {
  const std::int64_t input = rule.cached ? prompt : std::max<std::int64_t>(prompt - cached, 0);
  const std::int64_t tokens = input + (rule.output ? output : 0);
  return {.prompt = prompt, .completion = completion, .amounts = {1, tokens, input, output, prompt + completion, cost}};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
