#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include <keywheel/config.hpp>
#include <keywheel/version.hpp>

/// What the providers of this library read of a credential beside its key.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The names in CredentialConfig::fields. "addresss" is simple-one-api's spelling.
inline constexpr std::array<std::string_view, 19> kCredentialFields = {
    "access_key", "access_token", "account_id", "address",       "addresss", "api_secret", "app_id",
    "appid",      "auth_token",   "bot_id",     "domain",        "group_id", "json_file",  "location",
    "project_id", "secret_id",    "secret_key", "session_token", "token",
};

/// One of these names, or that of a member of CredentialConfig. Another does not compile, so that whoever reads a field
/// enters it in the list, by which a config's slips of the pen are told.
class CredentialField {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a name is all there is to it
  consteval CredentialField(const char* name) : name_(name) {
    if (name_ == "api_key" || name_ == "region") return;
    if (std::find(kCredentialFields.begin(), kCredentialFields.end(), name_) == kCredentialFields.end()) {
      throw "a name that is not in kCredentialFields";
    }
  }
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }

 private:
  std::string_view name_;
};

/// A field of the credential, api_key and region included; empty: there is none.
[[nodiscard]] std::string_view credential_field(const CredentialConfig& credential, CredentialField field) noexcept;

/// The first of: the credential's field, the service's option of that name.
[[nodiscard]] std::string_view credential_setting(const ServiceConfig& service, const CredentialConfig& credential,
                                                  CredentialField field) noexcept;

}  // namespace detail
KEYWHEEL_END_NAMESPACE
