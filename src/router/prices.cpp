#include "router/prices.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr double kPerMillion = 1e-6;

double tokens(std::int64_t count) noexcept { return static_cast<double>(std::max<std::int64_t>(count, 0)); }

}  // namespace

const Price* price_of(const ServiceConfig& service, std::string_view model) noexcept {
  const Price* others = nullptr;
  for (const auto& [name, price] : service.prices) {
    if (name == model) return &price;
    if (name == "*") others = &price;
  }
  return others;
}

double cost_of(const Price& price, std::int64_t prompt, std::int64_t completion) noexcept {
  return price.request + kPerMillion * (price.input * tokens(prompt) + price.output * tokens(completion));
}

double cost_of(const Price& price, const Usage& usage) noexcept {
  if (usage.empty()) return 0;
  const std::int64_t prompt = usage.prompt_tokens.value_or(0);
  std::int64_t completion = usage.completion_tokens.value_or(0);
  if (!usage.completion_tokens && usage.total_tokens) completion = *usage.total_tokens - prompt;
  const std::int64_t cached =
      std::clamp<std::int64_t>(usage.cached_tokens.value_or(0), 0, std::max<std::int64_t>(prompt, 0));
  const double saved = price.cached_input ? (price.input - *price.cached_input) * tokens(cached) : 0;
  return cost_of(price, prompt, completion) - kPerMillion * saved;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
