#pragma once

#include <keywheel/version.hpp>

#include <curl/curl.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// curl_multi_init, and none of what it opens is inherited by programs that the host starts. libcurl makes a pair of
/// sockets for curl_multi_wakeup() and (as of 7.88) lets them be inherited; it has no call that tells which they are.
/// Null: no memory or no descriptors.
[[nodiscard]] CURLM* make_multi() noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
