#include "router/scrub.hpp"

#include <string_view>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

void scrub(std::string& text, std::string_view secret) {
  constexpr std::size_t kShortest = 6;  // shorter values (a region, "1") are no secrets and stand in ordinary words
  if (secret.size() < kShortest) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
}

}  // namespace

void scrub(std::string& text, const CredentialConfig& credential) {
  scrub(text, credential.api_key.reveal());
  for (const auto& [name, value] : credential.fields) {
    const bool public_field = name == "region" || name == "location" || name == "project_id";
    if (!public_field) scrub(text, value.reveal());
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
