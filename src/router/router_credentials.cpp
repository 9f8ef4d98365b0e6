#include <algorithm>
#include <utility>

#include <keywheel/router.hpp>

#include <fmt/format.h>

#include "router/core.hpp"

/// The Router's credentials at run time.

KEYWHEEL_BEGIN_NAMESPACE
namespace {

Error no_credential(std::string_view id) {
  return {.kind = ErrorKind::not_found, .message = fmt::format("there is no credential with the id \"{}\"", id)};
}

std::string free_id(const ServiceConfig& service) {
  for (std::size_t number = service.credentials.size() + 1;; ++number) {
    std::string id = fmt::format("{}#{}", service.id, number);
    const bool taken = std::any_of(service.credentials.begin(), service.credentials.end(),
                                   [&](const CredentialConfig& c) { return c.id == id; });
    if (!taken) return id;
  }
}

}  // namespace

Result<std::string> Router::add_credential(std::string_view service, CredentialConfig credential) {
  std::string id = credential.id;
  Result<void> changed = core_->change([&](RouterConfig& config) -> Result<void> {
    for (ServiceConfig& entry : config.services) {
      if (entry.id != service) continue;
      if (id.empty()) id = free_id(entry);
      credential.id = id;
      entry.credentials.push_back(std::move(credential));
      return {};
    }
    return Error{.kind = ErrorKind::not_found,
                 .message = fmt::format("there is no service with the id \"{}\"", service)};
  });
  if (!changed) return std::move(changed).error();
  return id;
}

Result<void> Router::remove_credential(std::string_view id) {
  return core_->change([id](RouterConfig& config) -> Result<void> {
    for (ServiceConfig& entry : config.services) {
      if (std::erase_if(entry.credentials, [id](const CredentialConfig& c) { return c.id == id; }) > 0) return {};
    }
    return no_credential(id);
  });
}

Result<void> Router::disable_credential(std::string_view id, std::string reason) {
  if (!core_->pool().disable(id, std::move(reason), core_->now())) return no_credential(id);
  return {};
}

Result<void> Router::clear_credential(std::string_view id) {
  if (!core_->pool().clear(id, core_->now())) return no_credential(id);
  return {};
}

KEYWHEEL_END_NAMESPACE
