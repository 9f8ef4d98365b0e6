#include "providers/request_parts.hpp"

#include <iterator>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

bool has_query(std::string_view url) noexcept { return url.find_first_of("?#") != std::string_view::npos; }

}  // namespace

std::string_view base_of(const Target& target, std::string_view usual) noexcept {
  std::string_view base = target.base_url.empty() ? usual : target.base_url;
  base = base.substr(0, base.find_first_of("?#"));
  while (base.ends_with('/')) base.remove_suffix(1);
  return base;
}

std::vector<std::string> check_base(const ServiceConfig& service) {
  std::vector<std::string> faults;
  const auto check = [&faults](std::string_view field, std::string_view url) {
    if (has_query(url))
      faults.push_back(fmt::format("{} holds a query or fragment; write it without, and keys as api_key", field));
  };
  check("base_url", service.base_url);
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    check(fmt::format("credentials[{}].base_url", i), service.credentials[i].base_url);
  }
  return faults;
}

std::vector<std::string> check_keys(const ServiceConfig& service) {
  std::vector<std::string> faults = check_base(service);
  if (service.credentials.empty()) faults.emplace_back("credentials is empty; expected at least one with an api_key");
  for (std::size_t i = 0; i < service.credentials.size(); ++i) {
    const CredentialConfig& credential = service.credentials[i];
    if (!credential.enabled || !credential.api_key.empty()) continue;
    const std::string& origin = credential.api_key.origin();
    faults.push_back(
        fmt::format("credentials[{}].api_key is empty{}", i,
                    origin.empty() ? std::string() : fmt::format("; the environment variable {} is not set", origin)));
  }
  return faults;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
