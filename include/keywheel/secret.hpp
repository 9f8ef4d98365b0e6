#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <keywheel/export.hpp>
#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE

/// A string that is never printed and is wiped when destroyed, moved from or assigned over.
///
/// There is no stream operator and no formatter for it on purpose; `reveal()` is the one way to the characters.
class KEYWHEEL_EXPORT Secret {
 public:
  Secret() noexcept = default;
  Secret(std::string_view value);    // NOLINT(google-explicit-constructor): config structs take plain strings
  Secret(const std::string& value);  // NOLINT(google-explicit-constructor)
  Secret(const char* value);         // NOLINT(google-explicit-constructor)
  Secret(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The characters. The view lives as long as this Secret is not changed; whoever copies it owns the duty to wipe.
  [[nodiscard]] std::string_view reveal() const noexcept { return {data_, size_}; }

  /// Where the value should have come from, for messages: the name of the environment variable, or empty.
  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }

  /// Same characters; constant time for secrets of one length.
  friend KEYWHEEL_EXPORT bool operator==(const Secret& a, const Secret& b) noexcept;

  friend KEYWHEEL_EXPORT Secret env(const char* name);

 private:
  void wipe() noexcept;

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::string origin_{};
};

/// The value of an environment variable, empty when it is not set; an error that comes of it names the variable.
[[nodiscard]] KEYWHEEL_EXPORT Secret env(const char* name);

KEYWHEEL_END_NAMESPACE
