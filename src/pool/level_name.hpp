#pragma once

#include <string_view>

#include "pool/topology.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// As statistics and observers are told it.
[[nodiscard]] constexpr std::string_view name_of(Level::Kind kind) noexcept {
  switch (kind) {
    case Level::Kind::key:
      return "key";
    case Level::Kind::project:
      return "project";
    case Level::Kind::account:
      return "account";
    case Level::Kind::peers:
      return "peers";
    case Level::Kind::service:
      return "service";
  }
  return "";
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
