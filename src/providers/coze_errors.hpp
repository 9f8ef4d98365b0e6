#pragma once

#include <array>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Coze's codes, which come inside a 200 or as the last_error of a chat that failed.
/// https://www.coze.cn/open/docs/developer_guides/coze_error_codes
inline constexpr std::array kCozeErrors = {
    ErrorRule{0, "4100", {}, FailureClass::auth, Scope::key},
    // The page says that a permission is lacking; the words of the answer may say that the token is wrong.
    ErrorRule{0, "4101", "token you entered is incorrect", FailureClass::auth, Scope::key},
    ErrorRule{0, "4101", {}, FailureClass::permission, Scope::key},
    ErrorRule{0, "700012006", {}, FailureClass::auth, Scope::key},
    ErrorRule{0, "4008", {}, FailureClass::quota, Scope::key_model},
    ErrorRule{0, "4009", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "4010", {}, FailureClass::context, Scope::call},
    ErrorRule{0, "4011", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "4019", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "4022", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "4012", {}, FailureClass::model, Scope::key_model},
    ErrorRule{0, "4200", {}, FailureClass::model, Scope::key_model},
    ErrorRule{0, "4013", {}, FailureClass::server, Scope::service_model},
    ErrorRule{0, "5000", {}, FailureClass::server, Scope::service_model},
    // The conversation is busy with another chat.
    ErrorRule{0, "4016", {}, FailureClass::rate, Scope::call},
    ErrorRule{0, "4020", {}, FailureClass::rate, Scope::account},
    ErrorRule{0, "4102", {}, FailureClass::place, Scope::host},
    ErrorRule{0, "4014", {}, FailureClass::filter, Scope::call},
    ErrorRule{0, "4105", {}, FailureClass::filter, Scope::call},
    ErrorRule{0, "4000", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4001", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4002", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4003", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4004", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4005", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4006", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "4007", {}, FailureClass::request, Scope::call},
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
