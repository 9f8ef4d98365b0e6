#include "auth/jwt.hpp"

#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "wire/base64.hpp"

using namespace keywheel;
using namespace keywheel::detail;

namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

std::string pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  char password[] = "password";
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key, cipher, password, cipher != nullptr ? 8 : 0, nullptr,
                                        nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool verifies(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

}  // namespace

TEST_CASE("HS256 gives the example of RFC 7515, appendix A.1", "[jwt]") {
  const auto key =
      base64_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  REQUIRE(key);
  const Secret token =
      jwt_hs256("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
                "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}", *key);
  CHECK(token.reveal() ==
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

// Zhipu takes "id.secret" and wants times in milliseconds; the id is made up.
TEST_CASE("HS256 gives the token that Zhipu's own SDK makes of such a key", "[jwt]") {
  const Secret token =
      jwt_hs256(R"({"alg":"HS256","sign_type":"SIGN"})",
                R"({"api_key":"d1b2c3a4e5f60718293a4b5c6d7e8f90","exp":1700000210000,"timestamp":1700000000000})",
                "AbCdEfGhIjKlMnOp");
  CHECK(
      token.reveal() ==
      "eyJhbGciOiJIUzI1NiIsInNpZ25fdHlwZSI6IlNJR04ifQ."
      "eyJhcGlfa2V5IjoiZDFiMmMzYTRlNWY2MDcxODI5M2E0YjVjNmQ3ZThmOTAiLCJleHAiOjE3MDAwMDAyMTAwMDAsInRpbWVzdGFtcCI6MTcwMDAw"
      "MDAwMDAwMH0.Fvo7ySx3O_rStMiO2Bn2SR1R2oUZfv01H_srfG1S8zQ");
}

TEST_CASE("what RS256 signs, the key's public half verifies", "[jwt]") {
  const Key key(EVP_RSA_gen(1024));
  const Result<Secret> token = jwt_rs256(R"({"alg":"RS256"})", R"({"iss":"a"})", pem(key.get()));
  REQUIRE(token);
  const std::string_view text = token->reveal();
  const std::size_t dot = text.rfind('.');
  CHECK(text.substr(0, dot) == "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0");
  const auto signature = base64_decode(text.substr(dot + 1));
  REQUIRE(signature);
  CHECK(verifies(key.get(), text.substr(0, dot), *signature));
  CHECK_FALSE(verifies(key.get(), text.substr(0, dot - 1), *signature));
}

TEST_CASE("a key that is none is a fault of the configuration, and is not repeated", "[jwt]") {
  const Key rsa(EVP_RSA_gen(1024));
  const Key curve(EVP_EC_gen("P-256"));
  const std::string whole = pem(rsa.get());
  for (const std::string& wrong : {std::string(), std::string("sk-secret"), whole.substr(0, whole.size() / 2),
                                   pem(curve.get()), pem(rsa.get(), EVP_aes_128_cbc()),
                                   std::string("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----")}) {
    ERR_clear_error();
    const Result<Secret> token = jwt_rs256("{}", "{}", wrong);
    REQUIRE_FALSE(token);
    CHECK(token.error().kind == ErrorKind::config);
    CHECK(token.error().message.find("private key") != std::string::npos);
    CHECK(token.error().message.find("secret") == std::string::npos);
    CHECK(ERR_peek_error() == 0);
  }
}
