#include <keywheel/observer.hpp>

KEYWHEEL_BEGIN_NAMESPACE

Observer::~Observer() = default;

void Observer::on_call_begun(const CallBegun& /*event*/) {}
void Observer::on_call_ended(const CallEnded& /*event*/) {}
void Observer::on_attempt_started(const AttemptStarted& /*event*/) {}
void Observer::on_attempt_ended(const AttemptEnded& /*event*/) {}
void Observer::on_wait_begun(const WaitBegun& /*event*/) {}
void Observer::on_wait_ended(const WaitEnded& /*event*/) {}
void Observer::on_credential_changed(const CredentialChanged& /*event*/) {}
void Observer::on_credentials_joined(const CredentialsJoined& /*event*/) {}
void Observer::on_limit_learned(const LimitLearned& /*event*/) {}
void Observer::on_breaker_changed(const BreakerChanged& /*event*/) {}
void Observer::on_service_rested(const ServiceRested& /*event*/) {}
void Observer::on_store_changed(const StoreChanged& /*event*/) {}
void Observer::on_hedged(const Hedged& /*event*/) {}
void Observer::on_resumed(const ResumedStream& /*event*/) {}
void Observer::on_fell_back(const FellBack& /*event*/) {}
void Observer::on_token_fetched(const TokenFetched& /*event*/) {}
void Observer::on_reloaded(const ConfigReloaded& /*event*/) {}

KEYWHEEL_END_NAMESPACE
