#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

#include "wipe.hpp"

/// The hashes that request signatures are made of, over OpenSSL's libcrypto.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The bytes of a hash, wiped when destroyed: on the way to a signature they are keys.
template <std::size_t Size>
class Digest {
 public:
  Digest() noexcept = default;
  Digest(const Digest&) noexcept = default;
  Digest& operator=(const Digest&) noexcept = default;
  ~Digest() { wipe(bytes_.data(), Size); }

  /// Lives as long as this Digest: `hmac_sha256(hmac_sha256(a, b).view(), c)` is safe.
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), Size}; }
  [[nodiscard]] char* data() noexcept { return bytes_.data(); }

 private:
  std::array<char, Size> bytes_{};
};

/// FIPS 180-4.
[[nodiscard]] Digest<32> sha256(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// RFC 2104. They throw std::bad_alloc, as everything does, where memory is out.
[[nodiscard]] Digest<32> hmac_sha256(std::string_view key, std::string_view bytes);
[[nodiscard]] Digest<20> hmac_sha1(std::string_view key, std::string_view bytes);

/// Two digits a byte, lower case.
void append_hex(std::string& out, std::string_view bytes);
[[nodiscard]] std::string hex(std::string_view bytes);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
