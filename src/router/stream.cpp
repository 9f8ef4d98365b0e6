#include "router/stream.hpp"

#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

Flow StreamSink::on_event(const ChatEvent& event) {
  const bool wake = queue_.push(event);
  throttle_.filled(queue_.waiting());
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
      throttle_.emptied();
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
      throttle_.emptied();
      continue;
    }
    if (done) return nullptr;
    runtime_.wait(gate_);
  }
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
  if (const std::shared_ptr<CallState> call = throttle_.call()) call->cancel();
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
