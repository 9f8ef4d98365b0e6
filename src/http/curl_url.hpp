#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

#include <curl/curl.h>
#include <openssl/crypto.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// libcurl's URL parser. What it hands out is wiped before it is freed: proxy URLs hold passwords.
class CurlUrl {
 public:
  CurlUrl() : handle_(curl_url()) {}

  [[nodiscard]] CURLUcode parse(const char* url, unsigned flags) noexcept {
    return handle_ ? curl_url_set(handle_.get(), CURLUPART_URL, url, flags) : CURLUE_OUT_OF_MEMORY;
  }

  /// Calls `use(std::string_view)` with a part that is there.
  template <class F>
  bool with(CURLUPart part, unsigned flags, F&& use) const {
    char* text = nullptr;
    if (curl_url_get(handle_.get(), part, &text, flags) != CURLUE_OK || text == nullptr) return false;
    const std::string_view view = text;
    use(view);
    OPENSSL_cleanse(text, view.size());
    curl_free(text);
    return true;
  }

  [[nodiscard]] bool has(CURLUPart part) const {
    return with(part, 0, [](std::string_view) {});
  }

 private:
  struct Free {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
  };
  std::unique_ptr<CURLU, Free> handle_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
