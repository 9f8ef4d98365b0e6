#pragma once

#include <cstdint>
#include <string_view>

#include <keywheel/chat.hpp>
#include <keywheel/config.hpp>

/// What a request costs, where the config says what its model does.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The price of a model as it is sent upstream; nullptr: not given.
[[nodiscard]] const Price* price_of(const ServiceConfig& service, std::string_view model) noexcept;

/// Of a request with so many tokens; none of them cached, as far as is known.
[[nodiscard]] double cost_of(const Price& price, std::int64_t prompt, std::int64_t completion) noexcept;

/// Of a request that used so much. Nothing used, as where it was turned down: nothing.
[[nodiscard]] double cost_of(const Price& price, const Usage& usage) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
