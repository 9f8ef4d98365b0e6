#pragma once

#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Sets a header, in place of one of that name in any case. `value` is moved, so that no copy of a key stays behind.
void set_header(HttpRequest& into, std::string_view name, std::string value);

/// Authorization: Bearer `key`.
void set_bearer(HttpRequest& into, std::string_view key);

/// The headers that the service's entry and then the request ask for, in place of those of the same name.
void set_extra_headers(HttpRequest& into, const ServiceConfig& service, const ChatRequest& request);
void set_extra_headers(HttpRequest& into, const ServiceConfig& service);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
