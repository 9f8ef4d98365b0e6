#include "http/websocket_session.hpp"

#include <algorithm>
#include <array>
#include <new>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "wire/base64.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha1(), nullptr) != 1) throw std::bad_alloc();
  return base64_encode({reinterpret_cast<const char*>(hash.data()), size});
}

/// A comma-separated list holds `word`, in any case.
bool names(std::string_view list, std::string_view word) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
    if (std::equal(item.begin(), item.end(), word.begin(), word.end(), [&](char a, char b) { return lower(a) == b; }))
      return true;
  }
  return false;
}

}  // namespace

HttpHeader WebSocketSession::ask() {
  std::array<unsigned char, 16> nonce{};
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) throw std::bad_alloc();
  key_ = base64_encode({reinterpret_cast<const char*>(nonce.data()), nonce.size()});
  return {"Sec-WebSocket-Key", key_};
}

std::optional<std::string_view> WebSocketSession::fault(const HttpHead& head) const {
  if (!names(head.find("upgrade"), "websocket") || !names(head.find("connection"), "upgrade"))
    return "it upgrades to something else than a WebSocket";
  if (head.find("sec-websocket-accept") != accept_of(key_)) return "its Sec-WebSocket-Accept is not the answer to ours";
  if (!head.find("sec-websocket-extensions").empty()) return "it uses an extension that nobody asked for";
  if (!head.find("sec-websocket-protocol").empty()) return "it speaks a subprotocol that nobody asked for";
  return std::nullopt;
}

bool WebSocketSession::set_up(CURL* handle) noexcept {
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = curl_easy_setopt(handle, option, value) == CURLE_OK && good;
  };
  set(CURLOPT_PROTOCOLS_STR, "ws,wss");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_WS_OPTIONS, static_cast<long>(CURLWS_RAW_MODE));
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);  // a proxy cannot upgrade for us
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  return good;
}

bool WebSocketSession::next_frame() {
  if (!message_taken_) {
    message_taken_ = true;
    rest_ = message_;
    flags_ = CURLWS_TEXT;
    return true;
  }
  std::optional<std::string>& control = pong_ ? pong_ : farewell_;
  if (!control) return false;
  flags_ = pong_ ? CURLWS_PONG : CURLWS_CLOSE;
  control_ = std::move(*control);
  control.reset();
  rest_ = control_;
  return true;
}

WebSocketSession::Sent WebSocketSession::send(CURL* handle) {
  Sent sent = Sent::all;
  // In raw mode libcurl would send bytes as they are, but not outside its callbacks; inside, it would block. So it
  // makes the frames that go, and only hands on the bytes that come.
  curl_easy_setopt(handle, CURLOPT_WS_OPTIONS, 0L);
  while (sent == Sent::all && (flags_ != 0 || next_frame())) {
    std::size_t count = 0;
    const CURLcode code = curl_ws_send(handle, rest_.data(), rest_.size(), &count, 0, flags_);
    rest_.remove_prefix(std::min(count, rest_.size()));
    if (code == CURLE_AGAIN || (code == CURLE_OK && !rest_.empty())) {
      sent = Sent::blocked;
    } else if (code != CURLE_OK) {
      sent = Sent::failed;
    } else {
      flags_ = 0;
    }
  }
  curl_easy_setopt(handle, CURLOPT_WS_OPTIONS, static_cast<long>(CURLWS_RAW_MODE));
  return sent;
}

void WebSocketSession::farewell(int code) {
  constexpr int kNoCode = 1005;
  farewell_ =
      code == kNoCode ? std::string() : std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

bool is_good_close(int code) noexcept { return code == 1000 || code == 1005; }

std::string_view close_word(int code) noexcept {
  switch (code) {
    case 1001:
      return " (going away)";
    case 1002:
      return " (protocol error)";
    case 1003:
      return " (unsupported data)";
    case 1007:
      return " (invalid data)";
    case 1008:
      return " (policy violation)";
    case 1009:
      return " (message too big)";
    case 1011:
      return " (server error)";
    case 1012:
      return " (service restart)";
    case 1013:
      return " (try again later)";
    default:
      return "";
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
