#pragma once

#include <array>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Tencent Cloud's codes, which come inside a 200. The part before the point is a class of its own and is looked up as
/// the error's type, so the exact codes stand first.
/// https://cloud.tencent.com/document/product/1729/101848 and /api/1729/101843
inline constexpr std::array kHunyuanErrors = {
    ErrorRule{0, "AuthFailure.SignatureExpire", {}, FailureClass::clock, Scope::host},
    ErrorRule{0, "AuthFailure.SignatureFailure", {}, FailureClass::config, Scope::key},
    ErrorRule{0, "AuthFailure", {}, FailureClass::auth, Scope::key},
    ErrorRule{0, "UnauthorizedOperation", {}, FailureClass::auth, Scope::key},
    ErrorRule{0, "RequestLimitExceeded.IPLimitExceeded", {}, FailureClass::rate, Scope::host},
    ErrorRule{0, "RequestLimitExceeded", {}, FailureClass::rate, Scope::account},
    // Five answers at once for each model, unless more was bought.
    ErrorRule{0, "LimitExceeded", {}, FailureClass::rate, Scope::account_model},
    ErrorRule{0, "FailedOperation.EngineServerLimitExceeded", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "FailedOperation.EngineServerError", {}, FailureClass::server, Scope::service_model},
    ErrorRule{0, "FailedOperation.EngineRequestTimeout", {}, FailureClass::timeout, Scope::service_model},
    ErrorRule{0, "FailedOperation.FreeResourcePackExhausted", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.ResourcePackExhausted", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.ServiceStop", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.ServiceStopArrears", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.ServiceNotActivated", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.SetPayModeExceed", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "FailedOperation.UserUnAuthError", {}, FailureClass::permission, Scope::account},
    ErrorRule{0, "FailedOperation.PartnerAccountUnSupport", {}, FailureClass::permission, Scope::account},
    ErrorRule{0, "FailedOperation", {}, FailureClass::server, Scope::service_model},
    ErrorRule{0, "ResourceUnavailable.InArrears", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "ResourceUnavailable.LowBalance", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "ResourceUnavailable.StopUsing", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "ResourceUnavailable.NotExist", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "ResourceUnavailable", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "ResourceInsufficient.ChargeResourceExhaust", {}, FailureClass::quota, Scope::account},
    ErrorRule{0, "ResourceInsufficient", {}, FailureClass::capacity, Scope::service_model},
    ErrorRule{0, "ResourceNotFound", {}, FailureClass::model, Scope::key_model},
    ErrorRule{0, "InvalidParameterValue.Model", {}, FailureClass::model, Scope::key_model},
    ErrorRule{0, "InvalidParameter", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "InvalidParameterValue", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "MissingParameter", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "UnknownParameter", {}, FailureClass::request, Scope::call},
    ErrorRule{0, "InvalidAction", {}, FailureClass::config, Scope::service},
    ErrorRule{0, "UnsupportedOperation", {}, FailureClass::permission, Scope::key_model},
    ErrorRule{0, "OperationDenied.TextIllegalDetected", {}, FailureClass::filter, Scope::call},
    ErrorRule{0, "OperationDenied.ImageIllegalDetected", {}, FailureClass::filter, Scope::call},
    ErrorRule{0, "InternalError", {}, FailureClass::server, Scope::service_model},
    // The numbers of ErrorMsg, in a stream.
    ErrorRule{0, "4000", {}, FailureClass::server, Scope::service_model},
    ErrorRule{0, "4001", {}, FailureClass::timeout, Scope::service_model},
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
