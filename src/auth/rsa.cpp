#include "auth/rsa.hpp"

#include <climits>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// A larger modulus takes seconds to sign with, and a key is read from what a stranger may have edited.
constexpr int kLargestModulus = 16'384;

struct Free {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// What a library call puts into this thread's queue is not left for the host program to find.
class ErrorMark {
 public:
  ErrorMark() noexcept { ERR_set_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
  ~ErrorMark() { ERR_pop_to_mark(); }
};

/// Asked for the password of an encrypted key: there is none, and the terminal is not ours to ask at.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

Error faulty(std::string message) { return Error{.kind = ErrorKind::config, .message = std::move(message)}; }

}  // namespace

Result<std::string> rsa_sha256_signature(std::string_view pem, std::string_view bytes) {
  const ErrorMark mark;
  if (pem.size() > INT_MAX) return faulty("the private key is longer than a key can be");
  const std::unique_ptr<BIO, Free> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!source) return faulty("no memory for the private key");
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr));
  if (!key) {
    return faulty(
        "the private key cannot be read: expected an unencrypted PEM key (\"-----BEGIN PRIVATE KEY-----\" and lines)");
  }
  if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) return faulty("the private key is not an RSA key");
  if (EVP_PKEY_bits(key.get()) > kLargestModulus) return faulty("the private key has more than 16384 bits");
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, bytes.size()) != 1) {
    return faulty("the private key cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, bytes.size()) !=
      1) {
    return faulty("the private key cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
