#pragma once

#include <array>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// https://docs.dify.ai/api-reference/guides/errors. A key is an application's, so what is wrong with the application
/// is the key's.
inline constexpr std::array kDifyErrors = {
    ErrorRule{0, "unauthorized", {}, FailureClass::auth, Scope::key},
    // The application's requests at once; the plan's requests a month have another code.
    ErrorRule{0, "too_many_requests", {}, FailureClass::rate, Scope::key},
    ErrorRule{0, "rate_limit_error", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "provider_not_initialize", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "provider_quota_exceeded", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "model_currently_not_support", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "app_unavailable", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "not_chat_app", {}, FailureClass::config, Scope::key},
    ErrorRule{0, "completion_request_error", {}, FailureClass::server, Scope::key_model},
    ErrorRule{0, "invalid_param", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "bad_request", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "not_found", {}, FailureClass::request, Scope::call, ErrorKind::not_found},
    ErrorRule{0, "conversation_completed", {}, FailureClass::request, Scope::call},
    // The plan's quota speaks as a lack of rights.
    ErrorRule{0, "forbidden", "limit of your subscription", FailureClass::quota, Scope::account},
    ErrorRule{0, "forbidden", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "internal_server_error", {}, FailureClass::server, Scope::service},
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
