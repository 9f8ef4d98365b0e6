#pragma once

#include <cstddef>
#include <string>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Overwrites memory in a way that no optimiser takes out.
void wipe(void* memory, std::size_t size) noexcept;

/// Overwrites a string's characters, spare ones included, and empties it.
void wipe(std::string& text) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
