#pragma once

#include <array>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The codes of Qianfan's v1, which come inside a 200.  https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh
inline constexpr std::array kQianfanErrors = {
    ErrorRule{0, "1", {}, FailureClass::server, Scope::service},
    ErrorRule{0, "2", {}, FailureClass::server, Scope::service},
    ErrorRule{0, "336000", {}, FailureClass::server, Scope::service_model},
    ErrorRule{0, "3", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "336001", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "336002", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "336003", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "336006", {}, FailureClass::request, Scope::call},
    // "Open api request limit reached" is the cluster's limit, not the key's.
    ErrorRule{0, "4", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "336100", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "6", {}, FailureClass::permission, Scope::key_model},
    ErrorRule{0, "336004", {}, FailureClass::permission, Scope::key_model},
    ErrorRule{0, "13", {}, FailureClass::auth, Scope::key},
    ErrorRule{0, "14", {}, FailureClass::auth, Scope::key},
    ErrorRule{0, "15", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "17", {}, FailureClass::quota, Scope::account_model},
    ErrorRule{0, "18", {}, FailureClass::rate, Scope::account_model},
    ErrorRule{0, "336501", {}, FailureClass::rate, Scope::account_model},
    ErrorRule{0, "336502", {}, FailureClass::rate, Scope::account_model},
    ErrorRule{0, "19", {}, FailureClass::quota, Scope::account},
    // The token that the key was exchanged for, not the key.
    ErrorRule{0, "100", {}, FailureClass::token, Scope::key},
    ErrorRule{0, "110", {}, FailureClass::token, Scope::key},
    ErrorRule{0, "111", {}, FailureClass::token, Scope::key},
    ErrorRule{0, "336007", {}, FailureClass::context, Scope::call},
    ErrorRule{0, "336103", {}, FailureClass::context, Scope::call},
    ErrorRule{0, "336104", {}, FailureClass::context, Scope::call},
    // The exchange itself.  https://cloud.baidu.com/doc/WENXINWORKSHOP/s/Ilkkrb0i5
    ErrorRule{0, "invalid_client", {}, FailureClass::auth, Scope::key},
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
