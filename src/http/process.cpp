#include "http/process.hpp"

#include <dlfcn.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void pin_library() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&pin_library), &info) == 0 || info.dli_fname == nullptr) return;
  (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
