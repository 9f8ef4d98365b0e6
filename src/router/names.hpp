#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The provider's id of a request, from whichever header it uses; empty where there is none.
[[nodiscard]] std::string_view request_id(const HttpHead& head) noexcept;

/// A URL without user, password, query and fragment: what may be printed.
[[nodiscard]] std::string printable_url(std::string_view url);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
