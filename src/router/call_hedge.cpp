#include <algorithm>
#include <utility>

#include "router/call.hpp"

/// A second attempt beside a slow one.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void CallState::arm_hedge(const Leg& leg) {
  if (!may_hedge_ || hedged_ || delivered_ || hedge_timer_ != 0) return;
  const HedgeConfig& config = snapshot_->config.hedge;
  std::optional<std::chrono::nanoseconds> delay = config.delay;
  if (config.delay.count() <= 0)
    delay = core_->first_events().usual(service(leg.stop).config.id, model(leg.stop), options_.stream);
  if (!delay) return;
  hedge_timer_ = runtime_.at(runtime_.now() + *delay, [this] {
    hedge_timer_ = 0;
    hedge();
  });
}

void CallState::disarm_hedge() {
  if (hedge_timer_ != 0) runtime_.cancel(std::exchange(hedge_timer_, 0));
}

void CallState::hedge() {
  if (finished_ || stopping_ || !leg_ || hedge_ || leg_->spoke_at || made() >= budget()) return;
  // While a service fails, or is full, more requests are the last thing it needs.
  const std::string& id = service(leg_->stop).config.id;
  if (core_->health().failing(id, model(leg_->stop)) ||
      !core_->health().ask(id, model(leg_->stop), runtime_.now()).allowed) {
    return;
  }
  if (!core_->hedges().take()) return;
  std::vector<std::size_t> stops;
  std::optional<Grant> grant = credential_for_hedge(stops);
  if (!grant) return core_->hedges().give_back();
  const std::size_t stop = stops[grant->demand];
  hedged_ = true;
  core_->hedged();
  hedge_ = make_leg(stop, *std::move(grant));
  hedge_->record.hedge = true;
  tell(&Observer::on_hedged,
       Hedged{.call = number_,
              .slow = leg_->record,
              .second = hedge_->record,
              .after = std::chrono::duration_cast<std::chrono::microseconds>(runtime_.now() - leg_->begun)});
  begin(*hedge_);
}

/// Of another account, else another key, else another service: whoever has room now, and is not waited for. `stops`
/// are those of the grant's demands.
std::optional<Grant> CallState::credential_for_hedge(std::vector<std::size_t>& stops) const {
  const CredentialConfig& slow = leg_->lease.credential();
  std::vector<std::string> others = tried_;
  others.insert(others.end(), barred_.begin(), barred_.end());
  others.push_back(slow.id);
  std::vector<std::string> other_accounts = others;
  for (const CredentialConfig& each : service(leg_->stop).config.credentials) {
    if (!slow.account.empty() && each.account == slow.account && each.id != slow.id) other_accounts.push_back(each.id);
  }
  const auto ask = [&](const std::vector<std::string>& exclude) {
    std::vector<Demand> demands;
    demands.reserve(stops.size());
    for (const std::size_t i : stops) demands.push_back(demand(i, &exclude));
    return core_->lend_now(std::move(demands));
  };
  const double beside = most_cost(leg_->stop);
  if (affordable(leg_->stop, beside)) {
    stops = {leg_->stop};
    if (std::optional<Grant> grant = ask(other_accounts)) return grant;
    if (other_accounts.size() != others.size()) {
      if (std::optional<Grant> grant = ask(others)) return grant;
    }
  }
  stops.clear();
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    if (i == leg_->stop || stops_[i].out || stops_[i].failures != 0 || !affordable(i, beside)) continue;
    if (core_->health().failing(service(i).config.id, model(i))) continue;
    stops.push_back(i);
  }
  return stops.empty() ? std::nullopt : ask(others);
}

void CallState::drop_other(const Leg& winner) {
  disarm_hedge();
  if (!hedge_) return;
  constexpr std::string_view kWhy = "the attempt beside it answered first";
  if (leg_.get() == &winner) {
    drop(hedge_, ErrorKind::cancelled, kWhy);
  } else {
    drop(leg_, ErrorKind::cancelled, kWhy);
    leg_ = std::move(hedge_);
  }
}

/// Ends an attempt that is under way: its place in the windows stays spent, and nobody is blamed. Gives what had come
/// of the answer.
ResponseBuilder CallState::drop(std::unique_ptr<Leg>& which, ErrorKind kind, std::string_view message) {
  const std::unique_ptr<Leg> leg = std::move(which);
  // Settled already, where the call was stopped while its success was told.
  if (!leg->lease) return std::move(leg->builder);
  if (std::exchange(leg->fetching_token, false)) core_->tokens().done(leg->lease.id(), std::nullopt, runtime_.now());
  Outcome outcome = outcome_of(*leg, Outcome::cancelled().failure);
  charge(*leg, outcome);
  leg->record.error = kind;
  leg->record.failure = to_string(FailureClass::cancelled);
  leg->record.message = message;
  if (leg->attempt && leg->attempt->head().status != 0) leg->record.status = leg->attempt->head().status;
  leg->attempt.reset();
  end_visit(*leg, ServiceHealth::End::neutral, std::nullopt);
  core_->pool().report(std::move(leg->lease), outcome, runtime_.now());
  keep(*leg, outcome.usage);
  return std::move(leg->builder);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
