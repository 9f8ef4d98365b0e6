#include <algorithm>
#include <string>

#include "router/call.hpp"

/// What a failure says beyond its class: whose it is, and what is to be avoided or put right before the next attempt.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

const CredentialConfig* find(const ServiceConfig& service, std::string_view id) {
  const auto it = std::find_if(service.credentials.begin(), service.credentials.end(),
                               [&](const CredentialConfig& c) { return c.id == id; });
  return it == service.credentials.end() ? nullptr : &*it;
}

}  // namespace

/// Whose quota and standing a credential's are, as far as the config says: its account's, else its own.
std::string CallState::account_of(std::size_t stop, std::string_view id) const {
  const ServiceConfig& config = service(stop).config;
  const CredentialConfig* credential = find(config, id);
  if (credential == nullptr || credential->account.empty()) return std::string(id);
  return config.provider + '\n' + credential->account;
}

/// An error that nobody knows is the request's own where two independent accounts say the same of it.
void CallState::convict(const Leg& leg, Failure& failure) {
  if (failure.failure != FailureClass::unknown) return;
  Suspicion now{.account = account_of(leg.stop, leg.record.credential), .status = failure.status, .code = failure.code};
  const bool same = suspicion_ && suspicion_->account != now.account && suspicion_->status == now.status &&
                    suspicion_->code == now.code;
  suspicion_ = std::move(now);
  if (!same) return;
  failure.failure = FailureClass::request;
  failure.scope = Scope::call;
}

/// Others are preferred to every credential of that account.
void CallState::avoid_account(std::size_t stop, const std::string& id) {
  const ServiceConfig& config = service(stop).config;
  const CredentialConfig* tried = find(config, id);
  if (tried == nullptr || tried->account.empty()) return;
  for (const CredentialConfig& other : config.credentials) {
    const bool known = std::find(tried_.begin(), tried_.end(), other.id) != tried_.end();
    if (!known && other.account == tried->account) tried_.push_back(other.id);
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
