#pragma once

#include <string>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The libcurl that this program runs with, which need not be the one it was built with, can carry
/// HttpRequest::websocket: 8.11, where libcurl's WebSocket ceased to be an experiment, or newer, and built with it.
[[nodiscard]] bool speaks_websocket() noexcept;

/// What to say where it cannot, without a full stop.
[[nodiscard]] std::string no_websocket();

}  // namespace detail
KEYWHEEL_END_NAMESPACE
