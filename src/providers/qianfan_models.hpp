#pragma once

#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The last step of a model's address in Qianfan's v1 API ("ERNIE-Speed-8K" is chat/ernie_speed), the name in any case.
/// Empty: it is not one of those that Baidu serves itself, and has an address of its own.
[[nodiscard]] std::string_view qianfan_chat_address(std::string_view model) noexcept;
[[nodiscard]] std::string_view qianfan_embedding_address(std::string_view model) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
