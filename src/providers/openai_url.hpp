#pragma once

#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The base URL that people mean by what they write: the root of a host stands for the provider's own path on it, a
/// whole endpoint for its base, and a slash at the end for nothing. A query is kept, a fragment is not.
///
///   own https://api.openai.com/v1, written            base
///   (nothing)                                         https://api.openai.com/v1
///   https://proxy.example  or …/                      https://proxy.example/v1
///   https://proxy.example/v1/chat/completions?a=b     https://proxy.example/v1?a=b
///   https://proxy.example/openai/                     https://proxy.example/openai
[[nodiscard]] std::string normal_base_url(std::string_view written, std::string_view own);

/// A path below a base URL, put before its query.
[[nodiscard]] std::string endpoint_url(std::string_view base, std::string_view path);

/// The base URL with its last path segment replaced (…/v1 → …/v2).
[[nodiscard]] std::string with_version(std::string_view base, std::string_view version);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
