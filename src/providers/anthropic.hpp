#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Anthropic's Messages API, and whoever else serves it. Credential: `api_key` (sent as x-api-key), or the field
/// `auth_token` (sent as a Bearer token). Options: `anthropic_version`, `anthropic_beta` (a list with commas).
/// https://platform.claude.com/docs/en/api/messages
[[nodiscard]] std::shared_ptr<const Transport> make_anthropic_transport(const Preset& preset);

/// Where a path of the API is, below a base URL in any of the forms that people write: the root, …/v1, or the whole
/// …/v1/messages. A query stays at the end. `path` begins with a slash and lacks the version: "/messages".
[[nodiscard]] std::string anthropic_url(std::string_view base_url, std::string_view path);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
