#include <algorithm>

#include <fmt/format.h>

#include "support/dialect_base.hpp"

/// What authenticates a request, of all kinds.

namespace keywheel::testing {
namespace {

constexpr std::string_view kToken = "token-of-";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0;
    if (!escape) {
      plain += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    plain += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return plain;
}

/// The value of "name=…" in an Authorization header.
std::string_view signature_part(std::string_view header, std::string_view name) {
  const std::size_t at = header.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + name.size());
  return rest.substr(0, rest.find_first_of(", "));
}

}  // namespace

std::string bearer_of(const ReceivedRequest& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.find("Authorization");
  return header.starts_with(kBearer) ? std::string(header.substr(kBearer.size())) : std::string();
}

std::string form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return decoded(pair.substr(name.size() + 1));
  }
  return {};
}

std::string token_of(std::string_view key) { return fmt::format("{}{}", kToken, key); }

std::string key_of_token(std::string_view token) {
  return token.starts_with(kToken) ? std::string(token.substr(kToken.size())) : std::string();
}

std::string signer_of(const ReceivedRequest& request) {
  const std::string_view credential = signature_part(request.find("Authorization"), "Credential=");
  return std::string(credential.substr(0, credential.find('/')));
}

std::optional<std::string> signature_fault(const ReceivedRequest& request, std::string_view scheme,
                                           std::initializer_list<std::string_view> signed_headers) {
  const std::string_view header = request.find("Authorization");
  if (!header.starts_with(fmt::format("{} Credential=", scheme)))
    return fmt::format("it is not signed with {}", scheme);
  const std::string_view names = signature_part(header, "SignedHeaders=");
  for (const std::string_view name : signed_headers) {
    const std::string list = fmt::format(";{};", names);
    if (list.find(fmt::format(";{};", name)) == std::string::npos) return fmt::format("{} is not signed", name);
    if (request.find(name).empty()) return fmt::format("{} is signed, but not there", name);
  }
  const std::string_view signature = signature_part(header, "Signature=");
  const bool hex = std::all_of(signature.begin(), signature.end(), [](char c) { return hex_digit(c) >= 0; });
  if (signature.size() != 64 || !hex) return std::string("the signature is not 64 hexadecimal digits");
  return std::nullopt;
}

}  // namespace keywheel::testing
