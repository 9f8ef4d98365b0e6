#include "http/headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool contains(std::string_view text, std::string_view part) noexcept {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char x, char y) { return lower(x) == y; }) != text.end();
}

constexpr auto kTokens = [] {
  std::array<bool, 256> tokens{};
  for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~"))
    tokens[static_cast<unsigned char>(c)] = true;
  return tokens;
}();

bool is_token(char c) noexcept { return kTokens[static_cast<unsigned char>(c)]; }

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

bool is_secret_header(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> kSigns = {"authorization", "api-key", "apikey",   "cookie",
                                                      "token",         "secret",  "password", "signature"};
  return std::any_of(kSigns.begin(), kSigns.end(), [&](std::string_view sign) { return contains(name, sign); });
}

std::optional<std::string> header_fault(const HttpHeader& header) {
  if (header.name.empty()) return "a header of the request has no name";
  if (!std::all_of(header.name.begin(), header.name.end(), is_token))
    return "the name of a header of the request holds a character that no header name may have";
  const auto forbidden = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (std::any_of(header.value.begin(), header.value.end(), forbidden))
    return fmt::format("the value of the header {} holds a line break or a NUL byte", header.name);
  return std::nullopt;
}

HeaderList::HeaderList(std::vector<HttpHeader> headers) { assign(std::move(headers), {}); }

void HeaderList::assign(std::vector<HttpHeader> headers, std::string_view user_agent) {
  clear();
  // "Expect:" keeps libcurl from asking before a large body; without a Content-Type it would call ours a form.
  constexpr std::string_view kNoExpect = "Expect:";
  constexpr std::string_view kNoType = "Content-Type:";
  // As an option of libcurl's it would be formatted twice, a character at a time.
  constexpr std::string_view kAgent = "User-Agent: ";
  std::size_t size = kNoExpect.size() + kNoType.size() + kAgent.size() + user_agent.size() + 3;
  bool typed = false;
  bool named = user_agent.empty();
  for (const HttpHeader& header : headers) {
    size += header.name.size() + header.value.size() + 3;
    typed = typed || same(header.name, "content-type");
    named = named || same(header.name, "user-agent");
  }
  text_.reserve(size);
  nodes_.reserve(headers.size() + 3);
  const auto begin_line = [&] { nodes_.push_back({text_.data() + text_.size(), nullptr}); };
  for (HttpHeader& header : headers) {
    if (same(header.name, "expect")) continue;
    begin_line();
    text_ += header.name;
    if (trim(header.value).empty()) {
      text_ += ';';  // libcurl's spelling of a header without a value
    } else {
      text_ += ": ";
      text_ += header.value;
    }
    text_ += '\0';
    wipe(header.value);
  }
  if (!named) {
    begin_line();
    ((text_ += kAgent) += user_agent) += '\0';
  }
  begin_line();
  (text_ += kNoExpect) += '\0';
  if (!typed) {
    begin_line();
    (text_ += kNoType) += '\0';
  }
  for (std::size_t i = 0; i + 1 < nodes_.size(); ++i) nodes_[i].next = &nodes_[i + 1];
}

void HeaderList::clear() noexcept {
  wipe(text_);
  nodes_.clear();
}

HeadReader::Line HeadReader::line(std::string_view text) {
  if (text.starts_with("HTTP/")) {
    head_ = {};
    const std::size_t blank = text.find(' ');
    http2_ = text.starts_with("HTTP/2");
    if (blank != std::string_view::npos)
      std::from_chars(text.data() + blank + 1, text.data() + text.size(), head_.status);
    head_.headers.reserve(24);
    return Line::more;
  }
  if (text == "\r\n" || text == "\n") {
    if (head_.status >= 200 || (upgrade_ && head_.status == 101)) return Line::final;
    head_ = {};
    return Line::interim;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    // A folded line (RFC 9112, 5.2) goes on with the value before it.
    if (!head_.headers.empty() && (text.front() == ' ' || text.front() == '\t'))
      head_.headers.back().value.append(" ").append(trim(text));
    return Line::more;
  }
  head_.headers.push_back({std::string(trim(text.substr(0, colon))), std::string(trim(text.substr(colon + 1)))});
  return Line::more;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
