#include "auth/digest.hpp"

#include <climits>
#include <new>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

template <std::size_t Size>
Digest<Size> hmac(const EVP_MD* kind, std::string_view key, std::string_view bytes) {
  // HMAC() takes the key's length as an int. A longer key is its hash (RFC 2104, section 2), but no key is that long.
  if (key.size() > INT_MAX) throw std::bad_alloc();
  Digest<Size> out;
  unsigned int size = 0;
  // A null key asks libcrypto to go on with an earlier one.
  const char* const key_at = key.empty() ? "" : key.data();
  if (HMAC(kind, key_at, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
           bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size) == nullptr ||
      size != Size) {
    throw std::bad_alloc();
  }
  return out;
}

}  // namespace

Digest<32> sha256(std::string_view bytes) {
  Digest<32> out;
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size, EVP_sha256(),
                 nullptr) != 1) {
    throw std::bad_alloc();
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes).view()); }

Digest<32> hmac_sha256(std::string_view key, std::string_view bytes) { return hmac<32>(EVP_sha256(), key, bytes); }

Digest<20> hmac_sha1(std::string_view key, std::string_view bytes) { return hmac<20>(EVP_sha1(), key, bytes); }

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 0xFU]);
  }
}

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  append_hex(out, bytes);
  return out;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
