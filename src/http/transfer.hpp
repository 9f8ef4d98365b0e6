#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "http/headers.hpp"
#include "http/multi.hpp"
#include "http/websocket_session.hpp"
#include "router/runtime.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class Engine;

/// One exchange as the engine sees it: the request, how far it is, and libcurl's callbacks for it.
///
/// libcurl holds pointers into it until its handle is removed from the multi, which cannot be done inside a callback
/// of libcurl's. So it outlives the Exchange that stands for it, and only the engine destroys it.
struct Transfer final : Visit, private WebSocketFrames::Handler {
  Transfer(Engine& owner, ExchangeListener& to) : engine(owner), listener(&to) {}

  Engine& engine;
  ExchangeListener* listener;  ///< null: cancelled, or on_end has been called
  std::size_t index = 0;       ///< among the engine's transfers
  Multi* multi = nullptr;
  Route* route = nullptr;
  CURL* handle = nullptr;  ///< while in the multi

  std::string url{};
  std::string method{};
  std::string body{};
  HeaderList headers{};
  std::optional<Proxy> proxy{};
  std::string proxy_agent{};                      ///< User-Agent towards the proxy
  std::unique_ptr<WebSocketSession> websocket{};  ///< null: plain HTTP
  bool stream = false;
  std::size_t max_header = 0;
  std::size_t max_body = 0;
  std::string unresolved{};  ///< the name it waits for
  std::string resolve_text{};
  std::vector<curl_slist> resolve{};

  HeadReader head{};
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  long written_before = 0;  ///< of what libcurl counts as sent: not of the request (a proxy's CONNECT)
  std::uint16_t port = 0;   ///< local, of the connection it was sent on
  bool sent = false;
  bool head_done = false;
  bool want_pause = false;
  bool paused = false;
  bool touched = false;                  ///< libcurl has begun with it
  bool finished = false;                 ///< nothing more will happen
  TimePoint opened_at{};                 ///< its first socket
  int no_socket = 0;                     ///< errno of a socket that the system refused
  int listed = 0;                        ///< in how many of the engine's lists it stands
  std::optional<ExchangeEnd> stopped{};  ///< why keywheel ended it
  std::array<char, CURL_ERROR_SIZE> error{};

  /// Sets everything on `to` that is this request's own. False: no memory.
  [[nodiscard]] bool set_up(CURL* to) noexcept;
  /// How it ended, by libcurl's verdict.
  [[nodiscard]] ExchangeEnd end(CURLcode code) const;
  /// A WebSocket's share of what the engine does outside libcurl's callbacks: sends what waits. True: it has ended.
  [[nodiscard]] bool serve_websocket();
  /// Wipes what authenticates, and frees what only the way there needed.
  void wipe_request() noexcept;

 private:
  [[nodiscard]] bool set_method(CURL* to) noexcept;
  [[nodiscard]] bool set_proxy(CURL* to) noexcept;
  [[nodiscard]] bool set_addresses(CURL* to);
  [[nodiscard]] bool wrote_request() const noexcept;
  std::size_t take_header(std::string_view line);
  void let_go_of_body() noexcept;
  std::size_t take_body(std::string_view bytes);
  [[nodiscard]] bool take_upgrade(HttpHead& answer);
  void close_websocket();
  bool take_payload(std::string_view bytes);
  std::size_t take_frames(std::string_view bytes);
  bool on_payload(std::string_view bytes) override { return take_payload(bytes); }
  bool on_ping(std::string_view payload) override;
  bool on_length(std::uint64_t payload) override;
  void too_large();
  int before_request(std::uint16_t local_port);
  curl_socket_t open_socket(const curl_sockaddr& address);
  void refuse_resend();
  [[nodiscard]] ExchangeEnd broken(std::string message) const;

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_request(void* self, char*, char*, int, int local_port) noexcept;
  static curl_socket_t on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept;
};

/// True for errno values that mean "no more descriptors or memory for this process".
[[nodiscard]] bool is_exhaustion(int error) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
