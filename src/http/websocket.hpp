#pragma once

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// HttpRequest::websocket can be carried. Debian 12's libcurl has no WebSocket, so nothing here speaks it yet; a config
/// that needs it is told so before its first call.
inline constexpr bool kSpeaksWebSocket = false;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
