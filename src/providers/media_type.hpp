#pragma once

#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The media type that the end of a URL's path or of a file name suggests; empty: none.
[[nodiscard]] std::string_view media_type_of_name(std::string_view name) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
