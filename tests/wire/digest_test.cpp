#include "auth/digest.hpp"

#include <string>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel::detail;

TEST_CASE("SHA-256 gives FIPS 180-4's examples", "[digest]") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("HMAC gives RFC 4231's and RFC 2202's examples", "[digest]") {
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?").view()) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First").view()) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hex(hmac_sha1("Jefe", "what do ya want for nothing?").view()) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST_CASE("an HMAC with an empty key is not one with the last key", "[digest]") {
  const auto keyed = hmac_sha256("key", "text");
  const auto bare = hmac_sha256(std::string_view{}, "text");
  CHECK(keyed.view() != bare.view());
  CHECK(hex(hmac_sha256("", "").view()) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
