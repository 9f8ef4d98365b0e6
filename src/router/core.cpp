#include "router/core.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "config/credential_files.hpp"
#include "config/validate.hpp"
#include "http/loop.hpp"
#include "providers/registry.hpp"
#include "router/call.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Opens a gate when the call has ended.
class GateSink final : public CallSink {
 public:
  explicit GateSink(Runtime& runtime) : runtime_(runtime) {}
  void on_done(Result<ChatResponse> reply) override {
    reply_ = std::move(reply);
    runtime_.open(gate_);
  }
  [[nodiscard]] Gate& gate() noexcept { return gate_; }
  /// Nothing: the loop ended first.
  [[nodiscard]] std::optional<Result<ChatResponse>> take() {
    if (!gate_.open()) return std::nullopt;
    return std::move(reply_);
  }

 private:
  Runtime& runtime_;
  Gate gate_{};
  std::optional<Result<ChatResponse>> reply_{};
};

/// Tells of a failure from a thread of its own: in a forked child there is no loop that could.
void tell_later(std::shared_ptr<CallSink> sink, Error error) {
  std::thread([sink = std::move(sink), error = std::move(error)]() mutable {
    sink->on_done(std::move(error));
  }).detach();
}

Error router_destroyed() { return {.kind = ErrorKind::cancelled, .message = "the Router was destroyed"}; }

std::string faults_message(const std::vector<std::string>& faults) {
  std::string message =
      faults.size() == 1 ? "the config has a fault:" : fmt::format("the config has {} faults:", faults.size());
  for (const std::string& fault : faults) message += "\n  " + fault;
  return message;
}

}  // namespace

const ServiceEntry* Snapshot::service(std::string_view id) const noexcept {
  for (const ServiceEntry& entry : services) {
    if (entry.config.id == id) return &entry;
  }
  return nullptr;
}

Result<std::shared_ptr<const Snapshot>> RouterCore::prepare(RouterConfig config) {
  std::vector<std::string> faults = complete(config);
  auto snapshot = std::make_shared<Snapshot>();
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    ServiceConfig& service = config.services[i];
    const auto add_fault = [&](std::string_view fault) {
      faults.push_back(fmt::format("services[{}] ({}): {}", i, service.id, fault));
    };
    if (service.enabled) {
      for (const std::string& fault : read_credential_files(service)) add_fault(fault);
    }
    ServiceEntry entry{.config = service,
                       .base_url = service.base_url,
                       .timeouts = service.timeouts.value_or(config.timeouts),
                       .retry = service.retry.value_or(config.retry),
                       .proxy = service.proxy.value_or(config.proxy),
                       .tls = service.tls.value_or(config.tls)};
    const auto own = config.transports.find(service.provider);
    entry.transport = own != config.transports.end() ? own->second : make_transport(service.provider, service.api);
    if (!entry.transport) {
      std::string known;
      for (const std::string_view name : provider_names())
        known += known.empty() ? std::string(name) : fmt::format(", {}", name);
      faults.push_back(fmt::format(
          "services[{}].provider: \"{}\"{} is not known; known are {}, and what RouterConfig::transports adds", i,
          service.provider, service.api.empty() ? "" : fmt::format(" with api \"{}\"", service.api), known));
      continue;
    }
    if (service.enabled) {
      for (const std::string& fault : entry.transport->check(service)) add_fault(fault);
    }
    snapshot->services.push_back(std::move(entry));
  }
  if (!faults.empty()) return Error{.kind = ErrorKind::config, .message = faults_message(faults)};
  snapshot->routes = Routes(config, snapshot->services);
  snapshot->user_agent = config.user_agent;
  if (config.observer) snapshot->notifier = std::make_shared<Notifier>(config.observer);
  snapshot->config = std::move(config);
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

Result<std::shared_ptr<RouterCore>> RouterCore::create(RouterConfig config) {
  std::vector<LoopHandle> loops;
  LoopOptions options;
  options.resolver = Resolver::create();
  for (int i = 0; i < std::clamp(config.loop_threads, 1, 64); ++i) {
    auto loop = Loop::create(options);
    loops.push_back({.runtime = loop, .stop = [loop] { loop->stop(); }});
  }
  std::random_device device;
  const std::uint64_t seed = (static_cast<std::uint64_t>(device()) << 32U) | device();
  return create(std::move(config), std::move(loops), seed);
}

Result<std::shared_ptr<RouterCore>> RouterCore::create(RouterConfig config, std::vector<LoopHandle> loops,
                                                       std::uint64_t seed) {
  Executor executor = config.executor;
  Result<std::shared_ptr<const Snapshot>> snapshot = prepare(std::move(config));
  if (!snapshot) return std::move(snapshot).error();
  return std::shared_ptr<RouterCore>(new RouterCore(std::move(loops), std::move(executor), *std::move(snapshot), seed));
}

RouterCore::RouterCore(std::vector<LoopHandle> loops, Executor executor, std::shared_ptr<const Snapshot> snapshot,
                       std::uint64_t seed)
    : process_(::getpid()),
      executor_(std::move(executor)),
      snapshot_(std::move(snapshot)),
      pool_(
          CredentialPool::create(snapshot_->config.services, snapshot_->config.retry, snapshot_->config.region, seed)),
      health_(snapshot_->config.circuit_breaker, snapshot_->config.retry.max_backoff),
      line_(pool_, health_) {
  loops_.reserve(loops.size());
  for (LoopHandle& loop : loops) loops_.push_back({.handle = std::move(loop)});
  pool_->align(now(), loops_.front().handle.runtime->wall_time());
  pool_->on_change([this] { dispatch(); });
  health_.on_change([this] { dispatch(); });
  line_.set_shares(snapshot_->config.tenants);
  PoolAccess::watch(*pool_, [this](const PoolNews& news) { tell(news); });
  if (snapshot_->config.quota_store) {
    shared_quota_ = std::make_unique<SharedQuota>(
        pool_, snapshot_->config.quota_store, snapshot_->config.on_store_loss,
        SharedQuota::Surroundings{.now = [this] { return now(); },
                                  .waiting = [this] { return waiting_count_.load(std::memory_order_relaxed); },
                                  .changed =
                                      [this] {
                                        PoolAccess::state(*pool_).publish();
                                        dispatch();
                                      },
                                  .link = [this](const Error* error) { tell_store(error); }});
  }
}

RouterCore::~RouterCore() { shutdown(); }

void RouterCore::shutdown() {
  if (closed_.exchange(true)) return;
  if (::getpid() != process_) {     // a forked child: the loops are the parent's
    (void)shared_quota_.release();  // and so is the thread, which nobody here could join
    return;
  }
  for (LoopSlot& slot : loops_) {
    slot.handle.runtime->post([&slot, self = weak_from_this().lock()] {
      const auto calls = slot.calls;  // each end takes itself out
      for (const auto& [state, call] : calls) call->cancel_now("the Router was destroyed");
    });
  }
  for (LoopSlot& slot : loops_) slot.handle.stop();
  if (shared_quota_) shared_quota_->stop();
}

std::optional<Error> RouterCore::objection(bool blocking) const {
  if (::getpid() != process_) {
    return Error{.kind = ErrorKind::config,
                 .message = "this Router was made before fork(); make a new one in the child process"};
  }
  if (!blocking) return std::nullopt;
  for (const LoopSlot& slot : loops_) {
    if (slot.handle.runtime->on_loop()) {
      return Error{.kind = ErrorKind::config,
                   .message =
                       "a blocking call was made inside a callback on the Router's loop, which would wait for itself; "
                       "use start(), or set RouterConfig::executor"};
    }
  }
  return std::nullopt;
}

Runtime& RouterCore::pick_loop() noexcept {
  return *loops_[next_loop_.fetch_add(1, std::memory_order_relaxed) % loops_.size()].handle.runtime;
}

RouterCore::LoopSlot& RouterCore::slot_of(const Runtime& runtime) noexcept {
  return *std::find_if(loops_.begin(), loops_.end(),
                       [&](const LoopSlot& slot) { return slot.handle.runtime.get() == &runtime; });
}

std::pair<std::shared_ptr<CallState>, Task> RouterCore::make_call(LoopSlot& slot, std::unique_ptr<Operation> operation,
                                                                  std::shared_ptr<CallSink> sink) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  auto call =
      std::make_shared<CallState>(shared_from_this(), *slot.handle.runtime, std::move(operation), std::move(sink));
  Task begin = [&slot, call, this] {
    slot.calls.emplace(call.get(), call);
    if (closed_.load(std::memory_order_relaxed)) {
      call->cancel_now("the Router was destroyed");
    } else {
      call->begin();
    }
  };
  return {std::move(call), std::move(begin)};
}

std::shared_ptr<CallState> RouterCore::start(Runtime& runtime, std::unique_ptr<Operation> operation,
                                             std::shared_ptr<CallSink> sink) {
  if (std::optional<Error> error = objection(false)) {
    tell_later(std::move(sink), *std::move(error));
    return nullptr;
  }
  auto [call, begin] = make_call(slot_of(runtime), std::move(operation), sink);
  if (!runtime.post(std::move(begin))) tell_later(std::move(sink), router_destroyed());
  return call;
}

Result<ChatResponse> RouterCore::run(std::unique_ptr<Operation> operation) {
  if (std::optional<Error> error = objection(true)) return *std::move(error);
  Runtime& runtime = pick_loop();
  auto sink = std::make_shared<GateSink>(runtime);
  Task begin = make_call(slot_of(runtime), std::move(operation), sink).second;
  // Posted and waited for in one, this thread drives the loop itself where nobody else does.
  (void)runtime.post_and_wait(std::move(begin), sink->gate());
  std::optional<Result<ChatResponse>> reply = sink->take();
  if (!reply) return router_destroyed();
  return *std::move(reply);
}

std::shared_ptr<const Snapshot> RouterCore::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

void RouterCore::install(const std::shared_ptr<const Snapshot>& snapshot) {
  health_.configure(snapshot->config.circuit_breaker, snapshot->config.retry.max_backoff);
  {
    const std::lock_guard lock(line_mutex_);
    line_.set_shares(snapshot->config.tenants);
  }
  {
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_ = snapshot;
  }
  pool_->reload(snapshot->config.services, snapshot->config.retry, snapshot->config.region, now());
  if (!snapshot->notifier) return;
  ConfigReloaded event;
  for (const ServiceConfig& service : snapshot->config.services) {
    ++event.services;
    event.credentials += service.credentials.size();
  }
  snapshot->notifier->tell(&Observer::on_reloaded, event);
}

Result<void> RouterCore::reload(RouterConfig config) {
  const std::lock_guard lock(change_mutex_);
  if (std::optional<Error> error = other_store(config)) return *std::move(error);
  Result<std::shared_ptr<const Snapshot>> next = prepare(std::move(config));
  if (!next) return std::move(next).error();
  install(*next);
  return {};
}

/// The same file read again makes another object for the same store.
std::optional<Error> RouterCore::other_store(const RouterConfig& config) const {
  const std::shared_ptr<QuotaStore> current = shared_quota_ ? shared_quota_->store() : nullptr;
  const std::shared_ptr<QuotaStore>& next = config.quota_store;
  if (next == current || (next && current && next->name() == current->name())) return std::nullopt;
  return Error{.kind = ErrorKind::config,
               .message = "reload() cannot change quota_store, of which tickets are in use; make a new Router"};
}

Result<void> RouterCore::change(const std::function<Result<void>(RouterConfig&)>& edit) {
  const std::lock_guard lock(change_mutex_);
  RouterConfig config = snapshot()->config;
  if (Result<void> edited = edit(config); !edited) return edited;
  Result<std::shared_ptr<const Snapshot>> next = prepare(std::move(config));
  if (!next) return std::move(next).error();
  install(*next);
  return {};
}

RouterStats RouterCore::stats() const {
  const TimePoint at = now();
  RouterStats stats{.credentials = pool_->status(at),
                    .calls = calls_.load(),
                    .succeeded = succeeded_.load(),
                    .failed = failed_.load(),
                    .attempts = attempts_.load(),
                    .waiting = waiting_count_.load(),
                    .hedges = hedge_count_.load(),
                    .resumes = resume_count_.load(),
                    .resends_stopped = resends_stopped_.load()};
  for (ServiceHealth::Status& each : health_.status(at)) {
    stats.breakers.push_back({.service = std::move(each.service),
                              .model = std::move(each.model),
                              .open = each.open,
                              .failures = each.failures,
                              .probe_in = std::chrono::duration_cast<std::chrono::milliseconds>(each.probe_in)});
  }
  stats.in_flight = stats.calls - std::min(stats.calls, stats.succeeded + stats.failed);
  return stats;
}

void RouterCore::ended(CallState& call, bool good) {
  (good ? succeeded_ : failed_).fetch_add(1, std::memory_order_relaxed);
  slot_of(call.runtime()).calls.erase(&call);
}

std::vector<std::string> RouterCore::warnings() const {
  const std::shared_ptr<const Snapshot> current = snapshot();
  std::vector<std::string> all = current->config.warnings;
  if (current->notifier) {
    if (std::optional<std::string> fault = current->notifier->fault()) all.push_back(*std::move(fault));
  }
  return all;
}

void RouterCore::tell(const PoolNews& news) const {
  const std::shared_ptr<const Snapshot> current = snapshot();
  if (!current->notifier) return;
  if (!news.with.empty()) {
    return current->notifier->tell(
        &Observer::on_credentials_joined,
        CredentialsJoined{.credential = news.credential, .with = news.with, .level = news.level, .name = news.owner});
  }
  if (!news.limit.empty()) {
    return current->notifier->tell(&Observer::on_limit_learned, LimitLearned{.service = news.service,
                                                                             .credential = news.credential,
                                                                             .level = news.level,
                                                                             .group = news.model,
                                                                             .name = news.limit,
                                                                             .limit = news.value,
                                                                             .found = news.found});
  }
  current->notifier->tell(&Observer::on_credential_changed, CredentialChanged{.service = news.service,
                                                                              .credential = news.credential,
                                                                              .state = news.state,
                                                                              .level = news.level,
                                                                              .model = news.model,
                                                                              .reason = news.reason,
                                                                              .available_in = news.available_in});
}

void RouterCore::tell_store(const Error* error) const {
  const std::shared_ptr<const Snapshot> current = snapshot();
  if (!current->notifier) return;
  const std::string name = current->config.quota_store->name();
  current->notifier->tell(
      &Observer::on_store_changed,
      StoreChanged{.name = name,
                   .reachable = error == nullptr,
                   .error = error == nullptr ? std::string_view() : std::string_view(error->message)});
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
