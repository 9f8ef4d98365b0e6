#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <keywheel/config.hpp>

#include <curl/curl.h>

#include "http/hosts.hpp"
#include "http/poller.hpp"
#include "http/proxy.hpp"
#include "http/resolver.hpp"
#include "http/url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A name to be resolved before a transfer may start.
struct RouteName {
  std::string host{};
  std::uint16_t port = 0;
  Resolver::Answer answer{};
};

/// The way to one origin, directly or through a proxy.
struct Route {
  Host host;
  Poller& poller;
  Origin origin{};
  std::string authority{};  ///< "host:port"
  std::string proxy{};      ///< for messages; empty: direct
  std::vector<RouteName> names{};
  bool changed = false;  ///< somebody may be able to start
};

/// One libcurl multi handle: one cache of connections and, which is why there is one a trust setting, one store of CA
/// certificates. Driven by one thread at a time.
class Multi {
 public:
  /// Throws std::bad_alloc.
  Multi(const TlsConfig& tls, Poller& poller, std::uint32_t tag);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  [[nodiscard]] bool trusts(const TlsConfig& tls) const noexcept;
  [[nodiscard]] const TlsConfig& tls() const noexcept { return tls_; }
  [[nodiscard]] Route& route(const Origin& origin, const Proxy* proxy);

  /// An easy handle with the options that all streams share, or all unary transfers; null: no memory.
  [[nodiscard]] CURL* take_handle(bool stream) noexcept;
  /// `reusable`: its transfer was completed. What a broken one leaves behind in a handle differs by the break.
  void give_back(CURL* handle, bool stream, bool reusable) noexcept;

  [[nodiscard]] CURLMcode add(CURL* handle) noexcept;
  void remove(CURL* handle) noexcept;

  /// What libcurl has been told of a name ("host:port"): the version of the answer.
  [[nodiscard]] std::uint64_t& told(const std::string& name) { return told_[name]; }

  [[nodiscard]] std::optional<TimePoint> deadline() const noexcept { return deadline_; }
  /// libcurl has something to do at once.
  void due_now() noexcept { deadline_ = TimePoint::min(); }

  /// Watches a transfer's socket for room to write too, of which libcurl knows nothing, until it is turned off or
  /// libcurl lets go of the socket. False: the system watches no more.
  [[nodiscard]] bool watch_writable(CURL* handle, curl_socket_t socket);
  void unwatch_writable(curl_socket_t socket) noexcept;
  /// The transfer for which a socket is so watched, or null.
  [[nodiscard]] CURL* writer(curl_socket_t socket) const noexcept;

  /// Lets libcurl act on a socket (CURL_CSELECT_*), or on its time where `socket` is CURL_SOCKET_TIMEOUT.
  void act(curl_socket_t socket, int happened) noexcept;
  /// Calls `ended(handle, code)` for each transfer that has ended.
  template <class F>
  void collect(F&& ended) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
      if (message->msg == CURLMSG_DONE) ended(message->easy_handle, message->data.result);
  }

  /// Called with the handle of a transfer whose socket the system would not watch, and errno.
  std::function<void(CURL*, int)> on_unwatched{};

 private:
  static int on_socket(CURL* handle, curl_socket_t socket, int what, void* self, void* known) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* self) noexcept;
  static int close_socket(void* route, curl_socket_t socket) noexcept;
  void set_trust(CURL* handle) const noexcept;
  void keep_connections(std::size_t most) noexcept;

  CURLM* multi_;
  const TlsConfig tls_;
  Poller& poller_;
  const std::uint32_t tag_;
  std::optional<TimePoint> deadline_{};
  std::unordered_map<std::string, std::unique_ptr<Route>> routes_{};
  std::unordered_map<std::string, std::uint64_t> told_{};
  std::array<std::vector<CURL*>, 2> handles_{};  ///< for unary transfers, for streams
  std::unordered_map<curl_socket_t, CURL*> writers_{};
  std::size_t running_ = 0;
  std::size_t kept_connections_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
