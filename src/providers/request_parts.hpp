#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "wire/percent.hpp"

/// What the requests of several dialects are put together from, and what is asked of their services' entries.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The base that a target states, else `usual`; without query, fragment and slashes at its end.
[[nodiscard]] std::string_view base_of(const Target& target, std::string_view usual) noexcept;

/// The faults of an entry that hold for every dialect that needs a key: a credential without one, a base_url with a
/// query. Each begins with the field's name.
[[nodiscard]] std::vector<std::string> check_keys(const ServiceConfig& service);
[[nodiscard]] std::vector<std::string> check_base(const ServiceConfig& service);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
