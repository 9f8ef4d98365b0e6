#pragma once

/// The version, in one place: CMakeLists.txt reads it from here.
#define KEYWHEEL_VERSION_MAJOR 0
#define KEYWHEEL_VERSION_MINOR 1
#define KEYWHEEL_VERSION_PATCH 0

/// Opens namespace keywheel with the ABI's inline namespace, which changes with the minor version until 1.0.
#define KEYWHEEL_BEGIN_NAMESPACE \
  namespace keywheel {           \
  inline namespace v0_1 {
#define KEYWHEEL_END_NAMESPACE \
  }                            \
  }
