#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/config.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/embedding.hpp>

KEYWHEEL_BEGIN_NAMESPACE

/// What a streaming callback may answer.
enum class Flow : std::uint8_t {
  proceed,
  stop,  ///< cancel the call; what came so far is in the error
};

using EventCallback = std::function<Flow(const ChatEvent&)>;
using DoneCallback = std::function<void(Result<ChatResponse>)>;

namespace detail {
class CallState;
class RouterCore;
struct RouterAccess;
class StreamState;
template <class F>
concept event_callback = std::is_invocable_v<F&, const ChatEvent&>;

/// A callback that returns nothing always proceeds.
template <event_callback F>
EventCallback to_event_callback(F&& f) {
  if constexpr (std::is_same_v<std::invoke_result_t<F&, const ChatEvent&>, Flow>) {
    return EventCallback(std::forward<F>(f));
  } else {
    return [g = std::forward<F>(f)](const ChatEvent& event) mutable {
      g(event);
      return Flow::proceed;
    };
  }
}
}  // namespace detail

/// A call under way. Dropping it detaches: the call goes on.
class KEYWHEEL_EXPORT Call {
 public:
  Call() noexcept;
  explicit Call(std::weak_ptr<detail::CallState> state) noexcept;
  Call(const Call&) noexcept;
  Call(Call&&) noexcept;
  Call& operator=(const Call&) noexcept;
  Call& operator=(Call&&) noexcept;
  ~Call();

  /// Ends the call with ErrorKind::cancelled, unless it has ended. From any thread; does not wait.
  void cancel() noexcept;

 private:
  std::weak_ptr<detail::CallState> state_;
};

/// A streamed answer as an input range. Dropping it cancels what has not come. Used by one thread at a time.
///
///     ChatStream stream = router.stream(request);
///     for (const ChatEvent& event : stream) std::cout << event.text();
///     if (!stream.result()) …
class KEYWHEEL_EXPORT ChatStream {
 public:
  class KEYWHEEL_EXPORT iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = ChatEvent;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    explicit iterator(ChatStream* stream) noexcept : stream_(stream) {}
    const ChatEvent& operator*() const noexcept;
    const ChatEvent* operator->() const noexcept { return &**this; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.at_end(); }

   private:
    [[nodiscard]] bool at_end() const noexcept;
    ChatStream* stream_ = nullptr;
  };

  explicit ChatStream(std::unique_ptr<detail::StreamState> state) noexcept;
  ChatStream(ChatStream&&) noexcept;
  ChatStream& operator=(ChatStream&&) noexcept;
  ~ChatStream();

  /// Waits for the first event. A stream can be gone through once.
  [[nodiscard]] iterator begin();
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// The whole answer, or why there is none. Reads what is left of the stream first.
  [[nodiscard]] Result<ChatResponse> result();

 private:
  friend class iterator;
  std::unique_ptr<detail::StreamState> state_;
};

/// What `co_await router.co_chat(request)` waits on. Resumes on RouterConfig::executor, or on the loop's thread.
class KEYWHEEL_EXPORT ChatAwaiter {
 public:
  ChatAwaiter(std::shared_ptr<detail::RouterCore> core, const ChatRequest& request);
  ChatAwaiter(const ChatAwaiter&) = delete;
  ChatAwaiter& operator=(const ChatAwaiter&) = delete;
  ~ChatAwaiter();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  [[nodiscard]] Result<ChatResponse> await_resume();

 private:
  std::shared_ptr<detail::RouterCore> core_;
  const ChatRequest* request_;
  std::optional<Result<ChatResponse>> result_{};
};

/// How a service's model stands with the circuit breaker.
struct BreakerStatus {
  std::string service{};
  std::string model{};
  bool open = false;
  int failures = 0;                       ///< in a row
  std::chrono::milliseconds probe_in{0};  ///< open: until a probe may pass
};

/// Whether there is room for a call, and when.
struct Capacity {
  std::optional<std::chrono::milliseconds> in{};  ///< until there is, as the ledger stands; 0: now; nothing: not by
                                                  ///< itself
  std::string service{};                          ///< who would take it first
  std::string credential{};
  std::string reason{};  ///< what is in the way; empty: nothing
};

struct RouterStats {
  std::vector<CredentialStatus> credentials{};
  std::vector<BreakerStatus> breakers{};
  std::uint64_t calls = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t attempts = 0;         ///< upstream requests
  std::uint64_t in_flight = 0;        ///< calls
  std::uint64_t waiting = 0;          ///< calls that wait for room
  std::uint64_t hedges = 0;           ///< attempts made beside slow ones
  std::uint64_t resumes = 0;          ///< broken streams that were gone on with
  std::uint64_t resends_stopped = 0;  ///< requests that libcurl would have sent again by itself
};

/// Sends chat calls to the services of its config, each with a credential that has room, and goes on to the next one
/// when one fails.
///
/// May be called from any thread. Blocking forms run their callbacks on the caller's thread; `start` on the loop's, or
/// on RouterConfig::executor. A blocking call made from a callback on the loop's thread fails at once with
/// ErrorKind::config. Destruction cancels what is in flight, fulfils what is awaited with `cancelled`, and joins;
/// inside a callback it does not join itself. After fork(), calls in the child fail with ErrorKind::config and
/// destruction touches nothing shared.
class KEYWHEEL_EXPORT Router {
 public:
  /// Throws Exception (ErrorKind::config) that lists every fault of the config. See create() for an error as a value.
  explicit Router(RouterConfig config);
  /// Of load_config's answer; throws its error.
  explicit Router(Result<RouterConfig> config);
  [[nodiscard]] static Result<Router> create(RouterConfig config);

  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  /// One answer.
  [[nodiscard]] Result<ChatResponse> chat(const ChatRequest& request);

  /// One answer, its events handed to `on_event` on this thread as they come. An exception from the callback cancels
  /// the call and is thrown to the caller.
  template <detail::event_callback F>
  [[nodiscard]] Result<ChatResponse> chat(const ChatRequest& request, F&& on_event) {
    return chat_events(request, detail::to_event_callback(std::forward<F>(on_event)));
  }

  /// The events as a range.
  [[nodiscard]] ChatStream stream(const ChatRequest& request);

  /// Starts a call and returns. `on_done` comes exactly once, last, never from inside start().
  Call start(ChatRequest request, DoneCallback on_done);
  template <detail::event_callback F>
  // Both are moved from, unseen by the check: NOLINTNEXTLINE(performance-unnecessary-value-param)
  Call start(ChatRequest request, F&& on_event, DoneCallback on_done) {
    return start_events(std::move(request), detail::to_event_callback(std::forward<F>(on_event)), std::move(on_done));
  }

  /// `auto reply = co_await router.co_chat(request);` The request must be a named object that outlives the co_await:
  /// g++ 12 miscompiles a braced temporary there, so that form does not compile.
  [[nodiscard]] ChatAwaiter co_chat(const ChatRequest& request);
  ChatAwaiter co_chat(ChatRequest&&) = delete;

  [[nodiscard]] Result<EmbeddingResponse> embed(const EmbeddingRequest& request);

  /// The models that a service lists. Empty id: the first service.
  [[nodiscard]] Result<std::vector<ModelInfo>> list_models(std::string_view service = {});

  /// Every name that `ChatRequest::model` may have, aliases included, without "random".
  [[nodiscard]] std::vector<std::string> models() const;

  [[nodiscard]] RouterStats stats() const;

  /// Whether a call of `tokens` tokens, input and output, could go out now, or when. Reserves nothing.
  [[nodiscard]] Result<Capacity> capacity(std::string_view model, std::int64_t tokens = 0) const;

  /// Takes a new config. Calls in flight end as they began; what is known of credentials whose id stays is kept.
  /// `loop_threads` and `executor` stay as they are.
  Result<void> reload(RouterConfig config);

  /// Adds a credential to a service; an empty id is filled in and returned.
  Result<std::string> add_credential(std::string_view service, CredentialConfig credential);
  Result<void> remove_credential(std::string_view id);
  /// Lends it no more until clear_credential().
  Result<void> disable_credential(std::string_view id, std::string reason = "disabled by the application");
  /// Ends a rest, an exhaustion or a disabling.
  Result<void> clear_credential(std::string_view id);

  /// What the config had that is accepted but not used, and advice that it does not follow.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  friend struct detail::RouterAccess;
  explicit Router(std::shared_ptr<detail::RouterCore> core) noexcept;
  [[nodiscard]] Result<ChatResponse> chat_events(const ChatRequest& request, const EventCallback& on_event);
  Call start_events(ChatRequest request, EventCallback on_event, DoneCallback on_done);

  std::shared_ptr<detail::RouterCore> core_;
};

KEYWHEEL_END_NAMESPACE
