#include "router/callback_sink.hpp"

#include <exception>
#include <string>
#include <utility>

#include "router/call.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// What a callback threw, for the error of the call it ended.
std::string thrown_message() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return std::string("the event callback threw: ") + exception.what();
  } catch (...) {
    return "the event callback threw something that is no std::exception";
  }
}

Result<ChatResponse> with_message(Result<ChatResponse> reply, const std::optional<std::string>& thrown) {
  if (thrown && !reply) reply.error().message = *thrown;
  return reply;
}

}  // namespace

Flow CallbackSink::on_event(const ChatEvent& event) {
  try {
    return on_event_(event);
  } catch (...) {
    thrown_ = thrown_message();
    return Flow::stop;
  }
}

void CallbackSink::on_done(Result<ChatResponse> reply) {
  if (on_done_) on_done_(with_message(std::move(reply), thrown_));
}

Flow ExecutorSink::on_event(const ChatEvent& event) {
  queue_.push(event);
  throttle_.filled(queue_.waiting());
  schedule();
  return Flow::proceed;
}

void ExecutorSink::on_done(Result<ChatResponse> reply) {
  {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
  }
  schedule();
}

void ExecutorSink::schedule() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(scheduled_, true)) return;
  }
  executor_([self = shared_from_this()] { self->drain(); });
}

void ExecutorSink::drain() {
  for (;;) {
    while (queue_.refill()) {
      throttle_.emptied();
      while (const ChatEvent* event = queue_.next()) {
        if (stopped_) continue;
        try {
          if (on_event_(*event) == Flow::stop) stop();
        } catch (...) {
          thrown_ = thrown_message();
          stop();
        }
      }
    }
    std::optional<Result<ChatResponse>> reply;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.waiting() > 0) continue;
      scheduled_ = false;
      reply = std::exchange(reply_, std::nullopt);
    }
    if (reply && on_done_) on_done_(with_message(*std::move(reply), thrown_));
    return;
  }
}

void ExecutorSink::stop() {
  stopped_ = true;
  if (const std::shared_ptr<CallState> call = throttle_.call()) call->cancel();
}

std::shared_ptr<CallState> begin(RouterCore& core, std::unique_ptr<Operation> operation, EventCallback on_event,
                                 DoneCallback on_done) {
  Runtime& runtime = core.pick_loop();
  if (!core.executor()) {
    return core.start(runtime, std::move(operation),
                      std::make_shared<CallbackSink>(std::move(on_event), std::move(on_done)));
  }
  auto sink = std::make_shared<ExecutorSink>(core.executor(), std::move(on_event), std::move(on_done),
                                             core.snapshot()->config.bounds.max_buffered);
  auto call = core.start(runtime, std::move(operation), sink);
  sink->follow(call);
  return call;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
