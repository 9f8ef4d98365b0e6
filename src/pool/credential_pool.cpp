#include <utility>

#include <keywheel/credential_pool.hpp>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE

// Defaulted where it is declared, it would clear the whole lease first.
Lease::Lease() noexcept = default;

Lease::Lease(Lease&& other) noexcept
    : pool_(std::move(other.pool_)),
      credential_(std::exchange(other.credential_, nullptr)),
      number_(std::exchange(other.number_, 0)),
      slot_(other.slot_),
      note_(other.note_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  drop();
  pool_ = std::move(other.pool_);
  credential_ = std::exchange(other.credential_, nullptr);
  number_ = std::exchange(other.number_, 0);
  slot_ = other.slot_;
  note_ = other.note_;
  return *this;
}

Lease::~Lease() { drop(); }

void Lease::drop() noexcept {
  if (!pool_) return;
  const std::shared_ptr<CredentialPool> pool = std::move(pool_);
  if (number_ == 0) return;
  detail::PoolState& state = *pool->state_;
  bool changed = false;
  {
    const std::lock_guard lock(state.mutex);
    // Whether it was sent, the ledger knows.
    (void)state.report(slot_, number_, Outcome::cancelled(false), state.clock(), changed);
  }
  number_ = 0;
  credential_ = nullptr;
  if (changed && state.listener) state.listener();
  state.publish();
}

std::vector<PassedOver> Lease::passed_over() const {
  if (!pool_ || note_.listed == 0) return {};
  detail::PoolState& state = *pool_->state_;
  const std::lock_guard lock(state.mutex);
  return state.passed_over(*this);
}

std::string Lease::reason() const {
  if (!pool_) return {};
  const detail::PoolState& state = *pool_->state_;
  const std::lock_guard lock(state.mutex);
  return state.explain(note_);
}

CredentialPool::CredentialPool() = default;
CredentialPool::~CredentialPool() = default;

std::shared_ptr<CredentialPool> CredentialPool::create(const std::vector<ServiceConfig>& services,
                                                       const RetryPolicy& retry, std::string region,
                                                       std::uint64_t seed) {
  // The constructor is private, so make_shared cannot reach it.
  std::shared_ptr<CredentialPool> pool(new CredentialPool);  // NOLINT(cppcoreguidelines-owning-memory)
  pool->state_ = std::make_unique<detail::PoolState>(region, seed);
  pool->state_->build(services, retry, std::move(region));
  return pool;
}

void CredentialPool::align(TimePoint now, std::chrono::sys_time<std::chrono::milliseconds> wall) {
  const std::lock_guard lock(state_->mutex);
  state_->align(wall.time_since_epoch() - now.time_since_epoch());
}

std::variant<Lease, Unavailable> CredentialPool::acquire(const Demand& demand, TimePoint now) {
  std::variant<Lease, Unavailable> answer;
  Lease& lease = *std::get_if<Lease>(&answer);
  const std::lock_guard lock(state_->mutex);
  now = state_->clock(now);
  detail::Refusal refusal;
  if (state_->lend(demand, now, 0, lease, refusal)) {
    lease.pool_ = shared_from_this();
  } else {
    Unavailable why = state_->explain(demand, refusal.block.why, now);
    if (refusal.at != detail::kNever) why.at = refusal.at;
    answer = std::move(why);
  }
  return answer;
}

void CredentialPool::sent(const Lease& lease, TimePoint now) {
  if (!lease) return;
  const std::lock_guard lock(state_->mutex);
  state_->sent(lease.slot_, lease.number_, state_->clock(now));
}

Verdict CredentialPool::report(Lease lease, const Outcome& outcome, TimePoint now) {
  if (!lease) return {};
  bool changed = false;
  Verdict verdict;
  {
    const std::lock_guard lock(state_->mutex);
    verdict = state_->report(lease.slot_, lease.number_, outcome, state_->clock(now), changed);
    lease.number_ = 0;
  }
  if (changed && state_->listener) state_->listener();
  state_->publish();
  return verdict;
}

void CredentialPool::reload(const std::vector<ServiceConfig>& services, const RetryPolicy& retry, std::string region,
                            TimePoint now) {
  {
    const std::lock_guard lock(state_->mutex);
    (void)state_->clock(now);
    state_->build(services, retry, std::move(region));
  }
  if (state_->listener) state_->listener();
}

std::vector<CredentialStatus> CredentialPool::status(TimePoint now) const {
  const std::lock_guard lock(state_->mutex);
  return state_->status(state_->clock(now));
}

std::optional<CredentialStatus> CredentialPool::status(std::string_view id, TimePoint now) const {
  const std::lock_guard lock(state_->mutex);
  detail::Credential* c = state_->find(id);
  if (c == nullptr) return std::nullopt;
  return state_->status(*c, state_->clock(now));
}

bool CredentialPool::clear(std::string_view id, TimePoint now) {
  {
    const std::lock_guard lock(state_->mutex);
    detail::Credential* c = state_->find(id);
    if (c == nullptr) return false;
    state_->clear(*c, state_->clock(now));
  }
  if (state_->listener) state_->listener();
  state_->publish();
  return true;
}

// By value in the API, for callers who make the text. NOLINTNEXTLINE(performance-unnecessary-value-param)
bool CredentialPool::disable(std::string_view id, std::string reason, TimePoint now) {
  {
    const std::lock_guard lock(state_->mutex);
    detail::Credential* c = state_->find(id);
    if (c == nullptr) return false;
    state_->disable(*c, reason, state_->clock(now));
  }
  state_->publish();
  return true;
}

void CredentialPool::on_change(std::function<void()> listener) { state_->listener = std::move(listener); }

KEYWHEEL_END_NAMESPACE
