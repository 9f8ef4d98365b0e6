#include <fmt/format.h>

#include "http/engine.hpp"
#include "http/transfer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

bool Transfer::take_upgrade(HttpHead& answer) {
  if (const std::optional<std::string_view> fault = websocket->fault(answer)) {
    stopped = broken(fmt::format("{} answered the upgrade to a WebSocket wrongly: {}", route->authority, *fault));
    return false;
  }
  websocket->open = true;
  answer.status = 200;  // what follows is the answer to what is asked over it
  engine.serve(*this);
  return true;
}

std::size_t Transfer::take_frames(std::string_view bytes) {
  if (websocket->closed) return bytes.size();
  switch (websocket->frames.feed(bytes, *this)) {
    case WebSocketFrames::Status::open:
      return bytes.size();
    case WebSocketFrames::Status::closed:
      close_websocket();
      return bytes.size();
    case WebSocketFrames::Status::malformed:
      stopped = broken(fmt::format("{} sent {} over the WebSocket", route->authority, websocket->frames.fault()));
      break;
    case WebSocketFrames::Status::stopped:
      break;
  }
  return CURL_WRITEFUNC_ERROR;
}

bool Transfer::on_ping(std::string_view payload) {
  websocket->pong(payload);
  engine.serve(*this);
  return true;
}

bool Transfer::on_length(std::uint64_t payload) {
  if (payload <= max_body - body_bytes) return true;
  too_large();
  return false;
}

void Transfer::close_websocket() {
  const int code = websocket->frames.close_code();
  websocket->closed = true;
  if (!websocket->frames.at_rest()) {
    stopped = broken(fmt::format("{} closed the WebSocket in the middle of a message", route->authority));
  } else if (is_good_close(code)) {
    stopped = ExchangeEnd{};
  } else {
    stopped = broken(fmt::format("{} closed the WebSocket with code {}{}", route->authority, code, close_word(code)));
  }
  websocket->farewell(code);
  engine.serve(*this);
}

bool Transfer::serve_websocket() {
  if (handle == nullptr) return false;
  const WebSocketSession::Sent outcome = websocket->send(handle);
  if (stopped) return true;  // a farewell that finds no room is not waited for
  switch (outcome) {
    case WebSocketSession::Sent::all:
      multi->unwatch_writable(websocket->socket);
      return false;
    case WebSocketSession::Sent::blocked:
      if (multi->watch_writable(handle, websocket->socket)) return false;
      stopped = {ExchangeEnd::Kind::exhausted, "the system watches no more sockets"};
      return true;
    case WebSocketSession::Sent::failed:
      break;
  }
  stopped = broken(fmt::format("the connection to {} broke while the request was sent over it", route->authority));
  return true;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
