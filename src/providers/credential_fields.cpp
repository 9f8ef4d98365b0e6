#include "providers/credential_fields.hpp"

#include <string>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

template <class Map>
auto find(const Map& map, std::string_view name) noexcept {
  return std::find_if(map.begin(), map.end(), [name](const auto& entry) { return entry.first == name; });
}

}  // namespace

std::string_view credential_field(const CredentialConfig& credential, CredentialField field) noexcept {
  if (field.name() == "api_key") return credential.api_key.reveal();
  const auto found = find(credential.fields, field.name());
  if (found != credential.fields.end() && !found->second.empty()) return found->second.reveal();
  return field.name() == "region" ? std::string_view(credential.region) : std::string_view{};
}

std::string_view credential_setting(const ServiceConfig& service, const CredentialConfig& credential,
                                    CredentialField field) noexcept {
  if (const std::string_view own = credential_field(credential, field); !own.empty()) return own;
  const auto found = find(service.options, field.name());
  return found == service.options.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
