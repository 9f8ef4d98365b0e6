#pragma once

#include <array>
#include <span>

#include "providers/provider.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Cohere has no codes: its words tell the cases of one status apart.  https://docs.cohere.com/reference/errors
inline constexpr std::array kCohereErrors = {
    ErrorRule{498, {}, {}, FailureClass::auth, Scope::key},
    // The ceiling that the owner set for the month's bill.
    ErrorRule{402, {}, {}, FailureClass::quota, Scope::key},
    ErrorRule{429, {}, "calls / month", FailureClass::quota, Scope::key},
    ErrorRule{429, {}, "calls / minute", FailureClass::rate, Scope::key},
    ErrorRule{404, {}, "was removed on", FailureClass::model, Scope::service_model},
    ErrorRule{404, {}, "make sure the correct model id was used", FailureClass::model, Scope::key_model},
    // Of an answer's length, which the request states; every other "too many tokens" is the input's.
    ErrorRule{400, {}, "max tokens must be less than", FailureClass::request, Scope::call},
    ErrorRule{400, {}, "too many tokens", FailureClass::context, Scope::call},
    ErrorRule{0, {}, "invalid tool generation", FailureClass::output, Scope::call},
    ErrorRule{499, {}, {}, FailureClass::server, Scope::service_model},
};

[[nodiscard]] inline std::span<const ErrorRule> cohere_errors() noexcept { return kCohereErrors; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
