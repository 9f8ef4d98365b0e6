#pragma once

#include <string>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Replaces every secret of the credential that a text quotes: some providers repeat the key in their error.
void scrub(std::string& text, const CredentialConfig& credential);

/// Overwrites a string's characters, spare ones included, and empties it.
void wipe(std::string& text) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
