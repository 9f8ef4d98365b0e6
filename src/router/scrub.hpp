#pragma once

#include <string>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Replaces every secret of the credential that a text quotes: some providers repeat the key in their error.
void scrub(std::string& text, const CredentialConfig& credential);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
