#pragma once

#include <keywheel/chat.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/error.hpp>
#include <keywheel/failure.hpp>

#include <fmt/ostream.h>

/// Formatters of {fmt} for what can be printed: `fmt::print("{}\n", reply.error())`. The one header of keywheel's that
/// includes {fmt}; who uses it links fmt::fmt. Secrets have none, on purpose.

namespace keywheel_format {

/// Formats by a function to_string() found beside the type, with a string's format spec.
template <class T>
struct by_name : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    const auto name = to_string(value);
    return fmt::formatter<fmt::string_view>::format({name.data(), name.size()}, context);
  }
};

}  // namespace keywheel_format

template <>
struct fmt::formatter<keywheel::Error> : fmt::ostream_formatter {};
template <>
struct fmt::formatter<keywheel::CredentialStatus> : fmt::ostream_formatter {};
template <>
struct fmt::formatter<keywheel::ErrorKind> : keywheel_format::by_name<keywheel::ErrorKind> {};
template <>
struct fmt::formatter<keywheel::FailureClass> : keywheel_format::by_name<keywheel::FailureClass> {};
template <>
struct fmt::formatter<keywheel::Scope> : keywheel_format::by_name<keywheel::Scope> {};
template <>
struct fmt::formatter<keywheel::FinishReason> : keywheel_format::by_name<keywheel::FinishReason> {};
template <>
struct fmt::formatter<keywheel::Role> : keywheel_format::by_name<keywheel::Role> {};
template <>
struct fmt::formatter<keywheel::CredentialState> : keywheel_format::by_name<keywheel::CredentialState> {};
