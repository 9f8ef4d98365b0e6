#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

/// Which Transport speaks for a provider. A dialect joins by a plain function that its own header declares,
/// `std::shared_ptr<const Transport> make_openai_transport(const Preset&)`, and a row in registry.cpp.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The Transport of a provider's dialect; `api` is ServiceConfig::api, empty for its usual one. Null: there is none.
[[nodiscard]] std::shared_ptr<const Transport> make_transport(std::string_view provider, std::string_view api);

/// Every provider name that make_transport() knows, sorted.
[[nodiscard]] std::vector<std::string_view> provider_names();

/// What is known of a provider; null: nothing.
[[nodiscard]] const Preset* find_preset(std::string_view name) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
