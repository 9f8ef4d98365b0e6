#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

#include "wipe.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Characters that may be a key's, on their way into a Secret; wiped in the end. What is appended must not exceed the
/// capacity asked for: a string that grows leaves a copy behind.
class WipedString {
 public:
  explicit WipedString(std::size_t capacity) { text_.reserve(capacity); }
  WipedString(const WipedString&) = delete;
  WipedString& operator=(const WipedString&) = delete;
  ~WipedString() { wipe(text_); }

  WipedString& append(std::string_view text) {
    text_.append(text);
    return *this;
  }
  [[nodiscard]] std::string_view view() const noexcept { return text_; }

 private:
  std::string text_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
