#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <keywheel/config.hpp>
#include <keywheel/stated_quota.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a gauge counts.
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
  std::int64_t tokens = 0;  ///< these three by the provider's rule
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cost = 0;  ///< millionths
};

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

[[nodiscard]] constexpr Charge charge_of(std::int64_t prompt, std::int64_t completion, std::int64_t cached,
                                         std::int64_t cost, const ChargingRule& rule) noexcept {
  Charge charge{.prompt = prompt, .completion = completion, .cost = cost};
  charge.input = rule.cached ? prompt : std::max<std::int64_t>(prompt - cached, 0);
  charge.output = completion;
  charge.tokens = charge.input + (rule.output ? completion : 0);
  return charge;
}

[[nodiscard]] constexpr std::int64_t amount_of(Counted counts, const Charge& charge) noexcept {
  switch (counts) {
    case Counted::requests:
      return 1;
    case Counted::tokens:
      return charge.tokens;
    case Counted::input:
      return charge.input;
    case Counted::output:
      return charge.output;
    case Counted::all_tokens:
      return charge.prompt + charge.completion;
    case Counted::cost:
      return charge.cost;
  }
  return 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
