#include <algorithm>
#include <utility>

#include <keywheel/router.hpp>

#include <fmt/format.h>

#include "router/call.hpp"
#include "router/callback_sink.hpp"
#include "router/core.hpp"
#include "router/stream.hpp"

KEYWHEEL_BEGIN_NAMESPACE

using detail::CallState;
using detail::ChatOperation;
using detail::RouterCore;

// ---- Call

Call::Call() noexcept = default;
Call::Call(std::weak_ptr<CallState> state) noexcept : state_(std::move(state)) {}
Call::Call(const Call&) noexcept = default;
Call::Call(Call&&) noexcept = default;
Call& Call::operator=(const Call&) noexcept = default;
Call& Call::operator=(Call&&) noexcept = default;
Call::~Call() = default;

void Call::cancel() noexcept {
  if (const auto state = state_.lock()) state->cancel();
}

// ---- ChatStream

ChatStream::ChatStream(std::unique_ptr<detail::StreamState> state) noexcept : state_(std::move(state)) {}
ChatStream::ChatStream(ChatStream&&) noexcept = default;
ChatStream& ChatStream::operator=(ChatStream&&) noexcept = default;
ChatStream::~ChatStream() = default;

ChatStream::iterator ChatStream::begin() {
  state_->advance();
  return iterator(this);
}

Result<ChatResponse> ChatStream::result() { return state_->result(); }

const ChatEvent& ChatStream::iterator::operator*() const noexcept { return *stream_->state_->current(); }

ChatStream::iterator& ChatStream::iterator::operator++() {
  stream_->state_->advance();
  return *this;
}

bool ChatStream::iterator::at_end() const noexcept {
  return stream_ == nullptr || stream_->state_->current() == nullptr;
}

// ---- ChatAwaiter

ChatAwaiter::ChatAwaiter(std::shared_ptr<RouterCore> core, const ChatRequest& request)
    : core_(std::move(core)), request_(&request) {}
ChatAwaiter::~ChatAwaiter() = default;

void ChatAwaiter::await_suspend(std::coroutine_handle<> handle) {
  // The awaiter lives in the suspended coroutine's frame; nothing of it may be touched once the coroutine can resume.
  DoneCallback done = [this, handle](Result<ChatResponse> reply) {
    result_ = std::move(reply);
    handle.resume();
  };
  const std::shared_ptr<RouterCore> core = core_;
  detail::begin(*core, std::make_unique<ChatOperation>(request_, false), {}, std::move(done));
}

Result<ChatResponse> ChatAwaiter::await_resume() { return *std::move(result_); }

// ---- Router

Router::Router(RouterConfig config) : Router(create(std::move(config)).value()) {}
Router::Router(Result<RouterConfig> config) : Router(std::move(config).value()) {}
Router::Router(std::shared_ptr<RouterCore> core) noexcept : core_(std::move(core)) {}
Router::Router(Router&&) noexcept = default;

Router& Router::operator=(Router&& other) noexcept {
  if (this != &other) {
    if (core_) core_->shutdown();
    core_ = std::move(other.core_);
  }
  return *this;
}

Router::~Router() {
  if (core_) core_->shutdown();
}

Result<Router> Router::create(RouterConfig config) {
  Result<std::shared_ptr<RouterCore>> core = RouterCore::create(std::move(config));
  if (!core) return std::move(core).error();
  return Router(*std::move(core));
}

Result<ChatResponse> Router::chat(const ChatRequest& request) {
  return core_->run(std::make_unique<ChatOperation>(&request, false));
}

Result<ChatResponse> Router::chat_events(const ChatRequest& request, const EventCallback& on_event) {
  detail::StreamState stream(core_, std::make_unique<ChatOperation>(&request, true), true);
  std::string seen;
  for (stream.advance(); const ChatEvent* event = stream.current(); stream.advance()) {
    seen += event->text();
    if (on_event(*event) != Flow::stop) continue;
    stream.cancel();
    // The call may have come to its end while the caller still read: what he saw is what he got.
    Result<ChatResponse> reply = stream.result();
    Error error = reply ? Error{.attempts = std::move(reply->attempts)} : std::move(reply).error();
    error.kind = ErrorKind::cancelled;
    error.message = "stopped by the event callback";
    error.partial_text = std::move(seen);
    return error;
  }
  return stream.result();
}

ChatStream Router::stream(const ChatRequest& request) {
  return ChatStream(
      std::make_unique<detail::StreamState>(core_, std::make_unique<ChatOperation>(request, true), false));
}

Call Router::start(ChatRequest request, DoneCallback on_done) {
  return Call(
      detail::begin(*core_, std::make_unique<ChatOperation>(std::move(request), false), {}, std::move(on_done)));
}

Call Router::start_events(ChatRequest request, EventCallback on_event, DoneCallback on_done) {
  return Call(detail::begin(*core_, std::make_unique<ChatOperation>(std::move(request), true), std::move(on_event),
                            std::move(on_done)));
}

ChatAwaiter Router::co_chat(const ChatRequest& request) { return {core_, request}; }

RouterStats Router::stats() const { return core_->stats(); }
std::vector<std::string> Router::models() const { return core_->snapshot()->routes.names(); }
Result<void> Router::reload(RouterConfig config) { return core_->reload(std::move(config)); }
std::vector<std::string> Router::warnings() const { return core_->warnings(); }
Result<Capacity> Router::capacity(std::string_view model, std::int64_t tokens) const {
  return core_->capacity(model, tokens);
}

KEYWHEEL_END_NAMESPACE
