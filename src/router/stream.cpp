#include "router/stream.hpp"

#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

void StreamSink::follow(const std::shared_ptr<CallState>& call) {
  const std::lock_guard lock(mutex_);
  call_ = call;
}

Flow StreamSink::on_event(const ChatEvent& event) {
  const bool wake = queue_.push(event);
  if (queue_.waiting() > most_) {
    std::shared_ptr<CallState> call;
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(paused_, true)) call = call_.lock();
    }
    if (call) call->pause();
  }
  if (wake) runtime_.open(gate_);
  return Flow::proceed;
}

void StreamSink::on_done(Result<ChatResponse> reply) {
  {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
  }
  runtime_.open(gate_);
}

const ChatEvent* StreamSink::next() {
  for (;;) {
    if (const ChatEvent* event = queue_.next()) return event;
    if (queue_.refill()) {
      release();
      continue;
    }
    bool done = false;
    {
      const std::lock_guard lock(mutex_);
      done = reply_.has_value();
      if (!done) gate_.reset();
    }
    // What was pushed before the end, or between the look and the reset, must not be missed.
    if (queue_.refill()) {
      release();
      continue;
    }
    if (done) return nullptr;
    runtime_.wait(gate_);
  }
}

void StreamSink::release() {
  std::shared_ptr<CallState> call;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(paused_, false)) call = call_.lock();
  }
  if (call) call->resume();
}

Result<ChatResponse> StreamSink::take() {
  const std::lock_guard lock(mutex_);
  return *std::move(reply_);
}

void StreamSink::wait_for_end() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (reply_) return;
      gate_.reset();
    }
    runtime_.wait(gate_);
  }
}

void StreamSink::cancel() {
  std::shared_ptr<CallState> call;
  {
    const std::lock_guard lock(mutex_);
    if (!reply_) call = call_.lock();
  }
  if (call) call->cancel();
}

StreamState::StreamState(std::shared_ptr<RouterCore> core, std::unique_ptr<Operation> operation, bool borrowed)
    : core_(std::move(core)), borrowed_(borrowed) {
  if (std::optional<Error> error = core_->objection(true)) {
    result_ = *std::move(error);
    ended_ = true;
    return;
  }
  Runtime& runtime = core_->pick_loop();
  sink_ = std::make_shared<StreamSink>(runtime, core_->snapshot()->config.bounds.max_buffered);
  if (const auto call = core_->start(runtime, std::move(operation), sink_)) sink_->follow(call);
}

StreamState::~StreamState() {
  if (ended_) return;
  sink_->cancel();
  if (borrowed_) sink_->wait_for_end();
}

void StreamState::advance() {
  begun_ = true;
  if (ended_) return;
  current_ = sink_->next();
  if (current_ != nullptr) return;
  ended_ = true;
  result_ = sink_->take();
}

Result<ChatResponse> StreamState::result() {
  while (!ended_) advance();
  return *result_;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
