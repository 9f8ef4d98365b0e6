#pragma once

#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A URL without user, password, query and fragment: what may be printed.
[[nodiscard]] std::string printable_url(std::string_view url);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
