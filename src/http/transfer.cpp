#include "http/transfer.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/engine.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

bool is_exhaustion(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == ENOSPC;
}

bool Transfer::set_up(CURL* to) noexcept {
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = curl_easy_setopt(to, option, value) == CURLE_OK && good;
  };
  error.front() = '\0';
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::on_request);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETDATA, route);
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_FRESH_CONNECT, route->host.must_open() ? 1L : 0L);
  if (websocket && !WebSocketSession::set_up(to)) return false;
  return good && set_method(to) && set_proxy(to) && set_addresses(to);
}

bool Transfer::set_method(CURL* to) noexcept {
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = curl_easy_setopt(to, option, value) == CURLE_OK && good;
  };
  set(CURLOPT_HTTPGET, 1L);  // undoes what the handle's last request set
  if (websocket) return good;
  const bool posts = method == "POST" || !body.empty();
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (posts) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  const bool usual = method == "HEAD" || method == (posts ? "POST" : "GET");
  set(CURLOPT_CUSTOMREQUEST, usual ? static_cast<const char*>(nullptr) : method.c_str());
  return good;
}

bool Transfer::set_proxy(CURL* to) noexcept {
  bool good = true;
  const auto set = [&](CURLoption option, const char* value) {
    good = curl_easy_setopt(to, option, value) == CURLE_OK && good;
  };
  set(CURLOPT_PROXY, proxy ? proxy->url.c_str() : "");  // "" and not null, which would mean the environment's
  set(CURLOPT_USERAGENT, proxy ? proxy_agent.c_str() : nullptr);
  std::string user(proxy ? proxy->user.reveal() : std::string_view{});
  std::string password(proxy ? proxy->password.reveal() : std::string_view{});
  const bool named = !user.empty() || !password.empty();
  set(CURLOPT_PROXYUSERNAME, named ? user.c_str() : nullptr);
  set(CURLOPT_PROXYPASSWORD, named ? password.c_str() : nullptr);
  wipe(user);
  wipe(password);
  return good;
}

bool Transfer::set_addresses(CURL* to) {
  // "host:port:addr,addr", each of them only when it changed since this multi was told.
  std::vector<std::size_t> begins;
  for (const RouteName& name : route->names) {
    const std::string key = fmt::format("{}:{}", name.host, name.port);
    std::uint64_t& told = multi->told(key);
    if (told == name.answer.version) continue;
    told = name.answer.version;
    begins.push_back(resolve_text.size());
    (((resolve_text += key) += ':') += name.answer.addresses) += '\0';
  }
  resolve.reserve(begins.size());
  for (const std::size_t begin : begins) resolve.push_back({resolve_text.data() + begin, nullptr});
  for (std::size_t i = 0; i + 1 < resolve.size(); ++i) resolve[i].next = &resolve[i + 1];
  return curl_easy_setopt(to, CURLOPT_RESOLVE, resolve.empty() ? nullptr : resolve.data()) == CURLE_OK;
}

void Transfer::wipe_request() noexcept {
  headers.clear();
  wipe(url);
  wipe(body);
  proxy.reset();
  if (resolve.empty() || touched || route == nullptr) return;
  // libcurl never read the addresses that it was handed, so somebody must hand them over again.
  for (const RouteName& name : route->names) multi->told(fmt::format("{}:{}", name.host, name.port)) = 0;
}

bool Transfer::wrote_request() const noexcept {
  long written = 0;
  if (handle != nullptr) curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &written);
  return sent && written > written_before;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  return static_cast<Transfer*>(self)->take_header({data, size * count});
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  return static_cast<Transfer*>(self)->take_body({data, size * count});
}

int Transfer::on_request(void* self, char*, char*, int, int local_port) noexcept {
  return static_cast<Transfer*>(self)->before_request(static_cast<std::uint16_t>(local_port));
}

curl_socket_t Transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  return static_cast<Transfer*>(self)->open_socket(*address);
}

std::size_t Transfer::take_header(std::string_view line) {
  constexpr std::size_t kStop = 0;
  if (listener == nullptr) return kStop;
  header_bytes += line.size();
  if (header_bytes > max_header) {
    stopped = {ExchangeEnd::Kind::too_large,
               fmt::format("the headers of {}'s answer are larger than bounds.max_header ({} bytes)", route->authority,
                           max_header)};
    return kStop;
  }
  if (head_done) return line.size();  // a trailer
  const bool first = !head.begun();
  const HeadReader::Line read = head.line(line);
  if (first && head.begun()) engine.spoke(*this, head.http2());
  if (read != HeadReader::Line::final) return line.size();
  head_done = true;
  HttpHead answer = head.take();
  if (websocket && answer.status == 101 && !take_upgrade(answer)) return kStop;
  listener->on_head(std::move(answer));
  if (stream) let_go_of_body();
  return listener == nullptr ? kStop : line.size();
}

/// A stream may be open for long, and its request is not small where a whole conversation is sent.
void Transfer::let_go_of_body() noexcept {
  curl_off_t sent_of_it = 0;
  if (websocket || curl_easy_getinfo(handle, CURLINFO_SIZE_UPLOAD_T, &sent_of_it) != CURLE_OK) return;
  if (static_cast<std::size_t>(sent_of_it) < body.size()) return;
  wipe(body);
  std::string().swap(body);
}

std::size_t Transfer::take_body(std::string_view bytes) {
  constexpr std::size_t kStop = CURL_WRITEFUNC_ERROR;
  if (listener == nullptr) return kStop;
  if (want_pause) {
    paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (websocket) return take_frames(bytes);
  return take_payload(bytes) ? bytes.size() : kStop;
}

bool Transfer::take_payload(std::string_view bytes) {
  body_bytes += bytes.size();
  if (body_bytes > max_body) {
    too_large();
    return false;
  }
  listener->on_body(bytes);
  return listener != nullptr;
}

void Transfer::too_large() {
  stopped = {
      ExchangeEnd::Kind::too_large,
      fmt::format("the body of {}'s answer is larger than bounds.max_body ({} bytes)", route->authority, max_body)};
}

/// libcurl would send the request once more, on another connection, because the kept one that it took was dead. Whether
/// to send again is the router's to say.
void Transfer::refuse_resend() {
  stopped = broken(
      fmt::format("{} closed a kept connection before it answered; the request was not sent again", route->authority));
  stopped->resend_stopped = true;
}

int Transfer::before_request(std::uint16_t local_port) {
  touched = true;
  if (listener == nullptr) return CURL_PREREQFUNC_ABORT;
  if (sent) {
    refuse_resend();
    return CURL_PREREQFUNC_ABORT;
  }
  sent = true;
  port = local_port;
  if (websocket && !sockets.empty()) websocket->socket = sockets.back();
  curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &written_before);
  engine.boarded(*this, local_port);
  listener->on_sent();
  return listener == nullptr ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

curl_socket_t Transfer::open_socket(const curl_sockaddr& address) {
  touched = true;
  if (listener == nullptr) return CURL_SOCKET_BAD;
  if (sent) {
    refuse_resend();
    return CURL_SOCKET_BAD;
  }
#if defined(SOCK_CLOEXEC)
  const int fd = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
#else
  const int fd = ::socket(address.family, address.socktype, address.protocol);
  if (fd >= 0) (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  if (fd < 0) {
    if (is_exhaustion(errno)) no_socket = errno;
    return CURL_SOCKET_BAD;
  }
  engine.opened(*this, fd);
  return fd;
}

ExchangeEnd Transfer::broken(std::string message) const {
  using Kind = ExchangeEnd::Kind;
  if (!wrote_request()) return {Kind::unreachable, std::move(message)};
  // The local port tells connections of two loops apart.
  return {Kind::lost, std::move(message),
          fmt::format("connection {} from port {} to {} broke", connection, port, route->authority)};
}

ExchangeEnd Transfer::end(CURLcode code) const {
  using Kind = ExchangeEnd::Kind;
  if (stopped) return *stopped;
  // A refused upgrade is an answer like another; libcurl keeps its body to itself.
  const bool refused = websocket && head_done && !websocket->open;
  if (refused && (code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR)) return {};
  if (code == CURLE_OK && websocket)
    return broken(fmt::format("{} closed the connection and not the WebSocket", route->authority));
  if (code == CURLE_OK) return {};
  if (no_socket != 0)
    return {Kind::exhausted, fmt::format("no socket for a connection to {}: {}; close some, or raise the limit of open "
                                         "files (ulimit -n)",
                                         route->authority, std::strerror(no_socket))};
  const std::string reason = error.front() != '\0' ? error.data() : curl_easy_strerror(code);
  // A line over libcurl's own bound; the first is what it is called before 8.6, whose headers may be what this is built
  // with.
  constexpr auto kTooLarge = static_cast<CURLcode>(100);
  if ((code == CURLE_OUT_OF_MEMORY || code == kTooLarge) && sent && !head_done)
    return {Kind::too_large,
            fmt::format("a header line of {}'s answer is longer than libcurl takes", route->authority)};
  if (code == CURLE_OUT_OF_MEMORY) return {Kind::exhausted, fmt::format("libcurl: {}", reason)};
  const std::string way = proxy && !route->proxy.empty() ? fmt::format(" through {}", route->proxy) : std::string();
  if (!sent) {
    const bool ours = code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
                      code == CURLE_SSL_CACERT_BADFILE || code == CURLE_UNKNOWN_OPTION;
    return {ours ? Kind::refused : Kind::unreachable,
            fmt::format("no connection to {}{}: {}", route->authority, way, reason)};
  }
  return broken(fmt::format("the connection to {}{} broke: {}", route->authority, way, reason));
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
