#include <cstdlib>
#include <cstring>
#include <utility>

#include <keywheel/secret.hpp>

#include <openssl/crypto.h>

KEYWHEEL_BEGIN_NAMESPACE

Secret::Secret(std::string_view value) {
  if (value.empty()) return;
  data_ = new char[value.size()];
  size_ = value.size();
  std::memcpy(data_, value.data(), size_);
}

Secret::Secret(const std::string& value) : Secret(std::string_view(value)) {}
Secret::Secret(const char* value) : Secret(value == nullptr ? std::string_view() : std::string_view(value)) {}

Secret::Secret(const Secret& other) : Secret(other.reveal()) { origin_ = other.origin_; }

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      origin_(std::exchange(other.origin_, {})) {}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) *this = Secret(other);
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  origin_ = std::exchange(other.origin_, {});
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() noexcept {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  delete[] data_;
  data_ = nullptr;
  size_ = 0;
}

bool operator==(const Secret& a, const Secret& b) noexcept {
  return a.size_ == b.size_ && (a.size_ == 0 || CRYPTO_memcmp(a.data_, b.data_, a.size_) == 0);
}

Secret env(const char* name) {
  Secret secret(std::getenv(name));  // NOLINT(concurrency-mt-unsafe): keywheel never changes the environment
  secret.origin_ = name;
  return secret;
}

KEYWHEEL_END_NAMESPACE
