#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/dialect.hpp"
#include "support/http_request.hpp"
#include "support/reply.hpp"

namespace keywheel::testing {

/// So many requests are served in any window of this length; measured at arrival, refused ones not counted.
struct ServedLimit {
  std::int64_t requests = 0;
  std::chrono::nanoseconds window{std::chrono::minutes(1)};
};

/// How a key fares. What is set holds together; it is looked at in the order of the fields, and the first that says no
/// answers. Nothing set: every request is served.
struct KeyScript {
  /// Any answer at all; nothing: go on with what follows.
  std::function<std::optional<Reply>(const ReceivedRequest&, const Ask&)> reply{};
  std::optional<Fault> refuse{};  ///< every request is refused so
  int fail_next = 0;              ///< so many requests are refused as `fail_with` says, later ones are not
  Fault fail_with{};
  std::vector<std::string> models{};                       ///< the models it may use; empty: all
  std::optional<std::uint64_t> throttle_after{};           ///< so many are served, then it is throttled once…
  std::optional<std::chrono::nanoseconds> throttle_for{};  ///< …for so long (stated as Retry-After); nothing: for ever
  std::optional<ServedLimit> limit{};
  std::chrono::nanoseconds delay{0};    ///< before every answer
  std::chrono::nanoseconds between{0};  ///< between the pieces of a stream
  std::size_t split = 0;                ///< Reply::split
  std::chrono::nanoseconds split_delay{0};
  std::optional<Cut> cut{};  ///< where answers break off…
  int cut_next = -1;         ///< …so many of them; below 0: all
  int drop_next = 0;         ///< so many served requests get no answer but the end of their connection

  [[nodiscard]] static KeyScript ok() { return {}; }
  [[nodiscard]] static KeyScript revoked() { return {.refuse = Fault{.kind = Fault::Kind::invalid_key}}; }
  [[nodiscard]] static KeyScript exhausted() { return {.refuse = Fault{.kind = Fault::Kind::quota_exhausted}}; }
  [[nodiscard]] static KeyScript limited(std::int64_t requests,
                                         std::chrono::nanoseconds window = std::chrono::minutes(1)) {
    return {.limit = ServedLimit{requests, window}};
  }
  [[nodiscard]] static KeyScript throttled_after(std::uint64_t served,
                                                 std::optional<std::chrono::nanoseconds> retry_after) {
    return {.throttle_after = served, .throttle_for = retry_after};
  }
  [[nodiscard]] static KeyScript failing(int times, int status = 500) {
    return {.fail_next = times, .fail_with = Fault{.kind = Fault::Kind::server_error, .status = status}};
  }
};

/// What a key saw.
struct KeyLog {
  struct Entry {
    std::uint64_t request = 0;  ///< ReceivedRequest::number
    TimePoint arrived{};
    int status = 0;  ///< 0: no answer
    std::string model{};
    bool stream = false;
  };
  std::uint64_t requests = 0;
  std::map<int, std::uint64_t> statuses{};
  std::int64_t prompt_tokens = 0;  ///< of served requests
  std::int64_t completion_tokens = 0;
  std::vector<Entry> entries{};  ///< the first ProviderEngine::kMaxEntries, in order of arrival

  [[nodiscard]] std::uint64_t with_status(int status) const;
};

/// A provider without its network: a request goes in, a reply comes out, as the scripts of the keys have it. Time is
/// the request's time of arrival, so that the same engine serves real sockets and the virtual clock. Any thread.
class ProviderEngine {
 public:
  static constexpr std::size_t kMaxEntries = 1'000'000;

  ProviderEngine();  ///< speaks OpenAI's dialect

  /// Asked before those added earlier.
  void add_dialect(std::unique_ptr<Dialect> dialect);
  /// What a key does from now on; its counts go on.
  void script(std::string key, KeyScript script);
  /// What keys without a script of their own do. At first: they are served.
  void script_others(KeyScript script);
  void models(std::vector<std::string> models);  ///< what the listing lists

  [[nodiscard]] Reply handle(const ReceivedRequest& request);

  [[nodiscard]] KeyLog log(std::string_view key) const;
  [[nodiscard]] std::map<std::string, KeyLog> logs() const;

 private:
  struct Key {
    std::optional<KeyScript> script{};
    std::uint64_t served = 0;
    std::deque<TimePoint> window{};  // arrivals served within the limit's window
    std::optional<TimePoint> throttled{};
    KeyLog log{};
  };

  [[nodiscard]] Reply decide(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask, Key& key);
  [[nodiscard]] Reply serve(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask, Key& key,
                            KeyScript& script);
  [[nodiscard]] static Reply token(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask,
                                   const KeyScript& script);
  [[nodiscard]] static std::optional<Fault> refusal(const ReceivedRequest& request, const Ask& ask, Key& key,
                                                    KeyScript& script);
  [[nodiscard]] static std::optional<RateState> rate(const Key& key, const KeyScript& script, TimePoint now);
  static void note(Key& key, const ReceivedRequest& request, const Ask& ask, const Reply& reply);

  std::vector<std::unique_ptr<Dialect>> dialects_{};
  mutable std::mutex mutex_{};
  std::map<std::string, Key, std::less<>> keys_{};
  KeyScript others_{};
  std::vector<std::string> models_{"gpt-4o-mini", "gpt-4o", "text-embedding-3-small"};
};

}  // namespace keywheel::testing
