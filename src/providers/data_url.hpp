#pragma once

#include <optional>
#include <string_view>

#include <keywheel/version.hpp>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// What a `data:` URL (RFC 2397) of base64 holds. Views into the URL.
struct DataUrl {
  std::string_view media_type{};
  std::string_view base64{};
};

/// Nothing where the URL is another kind, or its data is not base64.
[[nodiscard]] constexpr std::optional<DataUrl> read_data_url(std::string_view url) noexcept {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kMark = ";base64";
  if (!equal_ignoring_case(url.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos || comma < kMark.size()) return std::nullopt;
  const std::string_view head = url.substr(0, comma);
  if (!equal_ignoring_case(head.substr(head.size() - kMark.size()), kMark)) return std::nullopt;
  return DataUrl{head.substr(0, head.find(';')), url.substr(comma + 1)};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
