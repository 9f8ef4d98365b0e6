#include "providers/registry.hpp"

#include <algorithm>
#include <array>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using Make = std::shared_ptr<const Transport> (*)(const Preset& preset);

/// A dialect of a provider. Its preset is found by the provider's name.
struct Row {
  std::string_view provider;
  std::string_view api;
  Make make;
};

constexpr std::array<Row, 0> kRows = {};

}  // namespace

std::shared_ptr<const Transport> make_transport(std::string_view provider, std::string_view api) {
  const Preset* preset = find_preset(provider);
  if (preset == nullptr) return nullptr;
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.provider == provider && r.api == api; });
  return row == kRows.end() ? nullptr : row->make(*preset);
}

std::vector<std::string_view> provider_names() {
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  std::sort(names.begin(), names.end());
  return names;
}

const Preset* find_preset(std::string_view name) noexcept {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
