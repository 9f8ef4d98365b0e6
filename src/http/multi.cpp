#include "http/multi.hpp"

#include <algorithm>
#include <new>

#include <fcntl.h>
#include <unistd.h>

#include "http/wakeup_pair.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {
constexpr std::size_t kKeptHandles = 256;
constexpr std::size_t kKeptConnections = 128;
/// Events of a stream are small, and ten thousand streams each hold such a buffer.
constexpr long kStreamBuffer = 8L << 10U;
constexpr long kUnaryBuffer = 16L << 10U;
constexpr long kUploadBuffer = 16L << 10U;
constexpr long kBackstopSeconds = 3600;  // the timeouts that a user sees are the router's
}  // namespace

Multi::Multi(const TlsConfig& tls, Poller& poller, std::uint32_t tag) : tls_(tls), poller_(poller), tag_(tag) {
  // Counted and locked by libcurl itself. Never undone: others in the process may use libcurl too.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::bad_alloc();
  multi_ = make_multi();
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, static_cast<long>(Host::kStreams));
  for (std::vector<CURL*>& handles : handles_) handles.reserve(kKeptHandles);
  keep_connections(kKeptConnections);
}

Multi::~Multi() {
  for (const std::vector<CURL*>& handles : handles_)
    for (CURL* handle : handles) curl_easy_cleanup(handle);
  curl_multi_cleanup(multi_);
}

bool Multi::trusts(const TlsConfig& tls) const noexcept {
  return tls.ca_file == tls_.ca_file && tls.ca_path == tls_.ca_path && tls.ca_pem == tls_.ca_pem;
}

Route& Multi::route(const Origin& origin, const Proxy* proxy) {
  std::string key = origin.websocket ? "ws" : "http";
  key += origin.https ? "s " : " ";
  key += origin.host;
  key += ' ';
  key += std::to_string(origin.port);
  if (proxy != nullptr) {
    key += ' ';
    key += proxy->url;
  }
  std::unique_ptr<Route>& found = routes_[key];
  if (found) return *found;
  const bool may_multiplex = origin.https && !origin.websocket;
  found = std::make_unique<Route>(Route{.host = Host(may_multiplex ? Host::Protocol::unknown : Host::Protocol::http1),
                                        .poller = poller_,
                                        .origin = origin});
  found->authority = origin.authority();
  const auto needs = [&](const std::string& host, std::uint16_t port) {
    if (!needs_no_lookup(host)) found->names.push_back({.host = host, .port = port});
  };
  if (proxy != nullptr) {
    found->proxy = proxy->url;
    needs(proxy->host, proxy->port);
  }
  if (proxy == nullptr || proxy->names_here) needs(origin.host, origin.port);
  return *found;
}

CURL* Multi::take_handle(bool stream) noexcept {
  std::vector<CURL*>& kept = handles_[stream ? 1 : 0];
  if (!kept.empty()) {
    CURL* handle = kept.back();
    kept.pop_back();
    return handle;
  }
  CURL* handle = curl_easy_init();
  if (handle == nullptr) return nullptr;
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, "");  // else libcurl reads the environment
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kBackstopSeconds);
  curl_easy_setopt(handle, CURLOPT_DNS_CACHE_TIMEOUT, -1L);  // what is known of names is the Resolver's
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPIDLE, 60L);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPINTVL, 30L);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, &Multi::close_socket);
  curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, stream ? "identity" : "");
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, stream ? kStreamBuffer : kUnaryBuffer);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
  set_trust(handle);
  return handle;
}

void Multi::give_back(CURL* handle, bool stream, bool reusable) noexcept {
  std::vector<CURL*>& kept = handles_[stream ? 1 : 0];
  if (reusable && kept.size() < kKeptHandles) {
    kept.push_back(handle);  // room is reserved
  } else {
    curl_easy_cleanup(handle);
  }
}

CURLMcode Multi::add(CURL* handle) noexcept {
  // Left to itself libcurl keeps four connections a transfer that runs just now, and so closes those of the last burst
  // before the next. Here as many are kept as ran side by side, and half of that each time all is quiet.
  if (running_ >= kept_connections_) keep_connections(2 * running_);
  const CURLMcode code = curl_multi_add_handle(multi_, handle);
  if (code == CURLM_OK) ++running_;
  return code;
}

void Multi::remove(CURL* handle) noexcept {
  curl_multi_remove_handle(multi_, handle);
  if (--running_ == 0 && kept_connections_ > kKeptConnections)
    keep_connections(std::max(kKeptConnections, kept_connections_ / 2));
}

void Multi::keep_connections(std::size_t most) noexcept {
  kept_connections_ = most;
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(most));
}

void Multi::set_trust(CURL* handle) const noexcept {
  for (const CURLoption option : {CURLOPT_SSLVERSION, CURLOPT_PROXY_SSLVERSION})
    curl_easy_setopt(handle, option, static_cast<long>(CURL_SSLVERSION_TLSv1_2));

  const bool chosen = !tls_.ca_file.empty() || !tls_.ca_path.empty() || !tls_.ca_pem.empty();
  if (!chosen) {
    // libcurl keeps the parsed store only when it comes from one file (CURLOPT_CA_CACHE_TIMEOUT(3)), and most builds
    // name a directory of the same certificates beside it.
    const char* file = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (file == nullptr || ::access(file, R_OK) != 0) return;
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(handle, CURLOPT_PROXY_CAPATH, nullptr);
    return;
  }
  const char* file = tls_.ca_file.empty() ? nullptr : tls_.ca_file.c_str();
  const char* path = tls_.ca_path.empty() ? nullptr : tls_.ca_path.c_str();
  for (const CURLoption option : {CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO}) curl_easy_setopt(handle, option, file);
  for (const CURLoption option : {CURLOPT_CAPATH, CURLOPT_PROXY_CAPATH}) curl_easy_setopt(handle, option, path);
  if (tls_.ca_pem.empty()) return;
  curl_blob pem{const_cast<char*>(tls_.ca_pem.data()), tls_.ca_pem.size(), CURL_BLOB_NOCOPY};
  for (const CURLoption option : {CURLOPT_CAINFO_BLOB, CURLOPT_PROXY_CAINFO_BLOB})
    curl_easy_setopt(handle, option, &pem);
}

bool Multi::watch_writable(CURL* handle, curl_socket_t socket) {
  writers_[socket] = handle;
  return poller_.watch(socket, tag_, true, true, true) == 0;
}

void Multi::unwatch_writable(curl_socket_t socket) noexcept {
  if (writers_.erase(socket) > 0) (void)poller_.watch(socket, tag_, true, false, true);
}

CURL* Multi::writer(curl_socket_t socket) const noexcept {
  const auto found = writers_.find(socket);
  return found == writers_.end() ? nullptr : found->second;
}

void Multi::act(curl_socket_t socket, int happened) noexcept {
  if (socket == CURL_SOCKET_TIMEOUT) deadline_.reset();
  int running = 0;
  curl_multi_socket_action(multi_, socket, happened, &running);
  if (socket != CURL_SOCKET_TIMEOUT || deadline_) return;
  // libcurl tells of a time only once, also where it was called a moment early and did nothing.
  long milliseconds = -1;
  curl_multi_timeout(multi_, &milliseconds);
  on_timer(multi_, milliseconds, this);
}

int Multi::on_socket(CURL* handle, curl_socket_t socket, int what, void* self, void* known) noexcept {
  auto& multi = *static_cast<Multi*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi.writers_.erase(socket);
    multi.poller_.forget(socket);
    return 0;
  }
  const bool read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
  const bool write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT || multi.writers_.contains(socket);
  const int failed = multi.poller_.watch(socket, multi.tag_, read, write, known != nullptr);
  if (failed != 0) {
    multi.on_unwatched(handle, failed);
  } else if (known == nullptr) {
    curl_multi_assign(multi.multi_, socket, self);
  }
  return 0;
}

int Multi::close_socket(void* route, curl_socket_t socket) noexcept {
  if (route != nullptr) {
    static_cast<Route*>(route)->poller.closing(socket);
    static_cast<Route*>(route)->host.closed(socket);
  }
  return ::close(socket);
}

int Multi::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  auto& deadline = static_cast<Multi*>(self)->deadline_;
  if (milliseconds < 0) {
    deadline.reset();
  } else {
    deadline = TimePoint(std::chrono::steady_clock::now()) + std::chrono::milliseconds(milliseconds);
  }
  return 0;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
