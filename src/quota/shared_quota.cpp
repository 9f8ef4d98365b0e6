#include "quota/shared_quota.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "http/process.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

std::string process_name() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

}  // namespace

SharedQuota::SharedQuota(std::shared_ptr<CredentialPool> pool, std::shared_ptr<QuotaStore> store, StoreLoss on_loss,
                         Surroundings surroundings)
    : store_(std::move(store)),
      surroundings_(std::move(surroundings)),
      session_(std::move(pool), {.process = process_name(), .store = store_->name(), .on_loss = on_loss}) {
  session_.on_news([this] {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
    wake_.notify_one();
  });
  thread_ = start_thread([this] { run(); });
}

SharedQuota::~SharedQuota() { stop(); }

void SharedQuota::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void SharedQuota::run() {
  while (true) {
    const TimePoint due = session_.due(surroundings_.now());
    const TimePoint now = surroundings_.now();
    if (due > now) {
      constexpr Nanos kLongest = std::chrono::seconds(10);
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::min<Nanos>(due - now, kLongest), [this] { return nudged_ || stopping_; });
      nudged_ = false;
      if (stopping_) break;
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      nudged_ = false;
      if (stopping_) break;
    }
    round(false);
  }
  if (session_.linked()) round(true);
}

/// A store of the application's own may throw, and nobody stands above this thread to catch it.
Result<QuotaReply> SharedQuota::exchange(const QuotaRequest& request) {
  try {
    return store_->exchange(request);
  } catch (const std::exception& error) {
    return Error{.kind = ErrorKind::connection, .message = fmt::format("{}: {}", store_->name(), error.what())};
  }
}

void SharedQuota::round(bool leaving) {
  const QuotaRequest request = session_.request(surroundings_.waiting(), leaving, surroundings_.now());
  const TimePoint sent = surroundings_.now();
  const Result<QuotaReply> reply = exchange(request);
  const TimePoint received = surroundings_.now();
  const bool changed = reply ? session_.accept(*reply, sent, received) : session_.failed(reply.error(), received);
  if (leaving) return;
  tell_link(reply ? nullptr : &reply.error());
  if (changed) surroundings_.changed();
}

void SharedQuota::tell_link(const Error* error) {
  const bool reached = error == nullptr;
  if (told_ == reached) return;
  told_ = reached;
  surroundings_.link(error);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
