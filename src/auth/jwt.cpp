#include "auth/jwt.hpp"

#include "auth/digest.hpp"
#include "auth/rsa.hpp"
#include "wire/base64.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string signing_input(std::string_view header, std::string_view claims) {
  return base64url_encode(header) + '.' + base64url_encode(claims);
}

Secret finished(std::string input, std::string_view signature) {
  input += '.';
  input += base64url_encode(signature);
  Secret token(input);
  wipe(input.data(), input.size());
  return token;
}

}  // namespace

Secret jwt_hs256(std::string_view header, std::string_view claims, std::string_view key) {
  std::string input = signing_input(header, claims);
  const auto signature = hmac_sha256(key, input);
  return finished(std::move(input), signature.view());
}

Result<Secret> jwt_rs256(std::string_view header, std::string_view claims, std::string_view pem) {
  std::string input = signing_input(header, claims);
  Result<std::string> signature = rsa_sha256_signature(pem, input);
  if (!signature) return std::move(signature).error();
  return finished(std::move(input), *signature);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
