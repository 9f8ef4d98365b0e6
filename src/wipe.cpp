#include "wipe.hpp"

#include <openssl/crypto.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void wipe(void* memory, std::size_t size) noexcept { OPENSSL_cleanse(memory, size); }

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());
  wipe(text.data(), text.size());
  text.clear();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
