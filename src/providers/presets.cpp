#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::span<const Preset> presets() noexcept { return {}; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
