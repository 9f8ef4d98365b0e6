#pragma once

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Adds to `config.warnings` what is allowed but hardly meant, unless it is there already. Speaks of services and
/// credentials by id, so that it says the same of a config file and of the structs that were made of it.
void advise(RouterConfig& config);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
