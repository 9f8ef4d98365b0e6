#include "providers/request_headers.hpp"

#include <algorithm>
#include <utility>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void set_header(HttpRequest& into, std::string_view name, std::string value) {
  const auto same = std::find_if(into.headers.begin(), into.headers.end(),
                                 [name](const HttpHeader& header) { return equal_ignoring_case(header.name, name); });
  if (same != into.headers.end()) {
    same->value = std::move(value);
  } else {
    into.headers.push_back({std::string(name), std::move(value)});
  }
}

void set_bearer(HttpRequest& into, std::string_view key) {
  constexpr std::string_view kScheme = "Bearer ";
  std::string value;
  value.reserve(kScheme.size() + key.size());
  value.append(kScheme).append(key);
  set_header(into, "Authorization", std::move(value));
}

void set_extra_headers(HttpRequest& into, const ServiceConfig& service) {
  for (const auto& [name, value] : service.headers) set_header(into, name, value);
}

void set_extra_headers(HttpRequest& into, const ServiceConfig& service, const ChatRequest& request) {
  set_extra_headers(into, service);
  for (const auto& [name, value] : request.headers) set_header(into, name, value);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
