#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/credential_pool.hpp>
#include <keywheel/error.hpp>

/// What happens inside a Router, told as it happens (RouterConfig::observer); its statistics as Prometheus text; and a
/// call or an attempt in the words of OpenTelemetry.

KEYWHEEL_BEGIN_NAMESPACE

struct RouterStats;

/// A call begins.
struct CallBegun {
  std::uint64_t call = 0;        ///< names the call in all that follows; unique within the Router
  std::string_view operation{};  ///< "chat", "embeddings" or "list_models"
  std::string_view model{};      ///< as it was asked for
  std::string_view tenant{};
  std::string_view session{};
  bool stream = false;
};

/// A call has ended: one of `response` and `error` is set. Its caller hears of it next.
struct CallEnded {
  std::uint64_t call = 0;
  std::string_view operation{};
  std::string_view model{};  ///< as it was asked for
  bool stream = false;
  const ChatResponse* response = nullptr;
  const Error* error = nullptr;
  std::chrono::microseconds elapsed{};
  std::optional<std::chrono::microseconds> first_event{};  ///< from the call's beginning to its first event
};

/// A credential was lent to the call; the request is about to be made.
struct AttemptStarted {
  std::uint64_t call = 0;
  const Attempt& attempt;  ///< what is known so far: everything but how it fared
};

struct AttemptEnded {
  std::uint64_t call = 0;
  std::string_view operation{};
  const Attempt& attempt;
  const Usage& usage;                                      ///< what it used, as far as is known
  std::optional<std::chrono::microseconds> first_event{};  ///< from the attempt's beginning to its first event
};

/// No credential has room: the call waits in the line.
struct WaitBegun {
  std::uint64_t call = 0;
  std::string_view tenant{};
};

struct WaitEnded {
  std::uint64_t call = 0;
  std::chrono::microseconds waited{};
  bool granted = false;       ///< a credential was lent; else the call was told why not, or gave up
  std::string_view reason{};  ///< not granted: why
};

/// A credential, or something that it shares with others, is lent no more, on trial, or again.
struct CredentialChanged {
  std::string_view service{};
  std::string_view credential{};  ///< whose attempt showed it
  CredentialState state = CredentialState::active;
  std::string_view level{};   ///< what is concerned: "key", "project", "account", or "peers" (keys of unknown owners)
  std::string_view model{};   ///< with this model only; empty: with all
  std::string_view reason{};  ///< the provider's words; empty where it recovered
  std::chrono::milliseconds available_in{0};  ///< 0: now; max(): not by itself
};

/// Two credentials turned out to share an account or a project.
struct CredentialsJoined {
  std::string_view credential{};
  std::string_view with{};
  std::string_view level{};  ///< "account" or "project"
  std::string_view name{};   ///< of the account or project, as the provider said it
};

/// An answer stated a limit that was not known before, or another value of one that was; or refusals showed that less
/// is allowed than anybody stated. What is found so rises again by and by as attempts are served, which is not told.
struct LimitLearned {
  std::string_view service{};
  std::string_view credential{};  ///< whose answer stated it
  std::string_view level{};       ///< whose it is: "key", "project" or "account"
  std::string_view group{};       ///< model or limit group that it holds for alone; empty: all
  std::string_view name{};        ///< "rpm", "tpd", … as LimitStatus has it
  std::int64_t limit = 0;
  bool found = false;  ///< by refusals
};

/// The circuit breaker of a service's model opened or closed, or lets an attempt through that finds out which it will.
struct BreakerChanged {
  std::string_view service{};
  std::string_view model{};
  bool open = false;
  bool trial = false;  ///< open, and half open now
};

/// A service takes no attempts for a while, since it is full or will not have us. That ends by itself.
struct ServiceRested {
  std::string_view service{};
  std::string_view model{};   ///< with this model only; empty: with all
  std::string_view reason{};  ///< the provider's words
  std::chrono::milliseconds available_in{0};
};

/// The quota store was reached, or cannot be: then what RouterConfig::on_store_loss says holds. The Router tries again
/// by itself.
struct StoreChanged {
  std::string_view name{};
  bool reachable = false;
  std::string_view error{};  ///< why not
};

/// A second attempt is made beside a slow one. Which of them was taken, AttemptEnded says.
struct Hedged {
  std::uint64_t call = 0;
  const Attempt& slow;
  const Attempt& second;
  std::chrono::microseconds after{};  ///< how long the first had been silent
};

/// A broken stream is gone on with by another attempt, of which the first piece has come.
struct ResumedStream {
  std::uint64_t call = 0;
  const Attempt& attempt;
  std::string_view reason{};  ///< why the stream broke
};

/// A call goes on to another model.
struct FellBack {
  std::uint64_t call = 0;
  std::string_view from{};
  std::string_view to{};
  std::string_view reason{};  ///< "any", "context_length" or "content_filter", as the config names it
};

/// A token was fetched with a credential, or was not.
struct TokenFetched {
  std::uint64_t call = 0;
  std::string_view service{};
  std::string_view credential{};
  std::chrono::seconds lifetime{0};
  std::string_view error{};  ///< empty: it was fetched
};

/// Another config holds now.
struct ConfigReloaded {
  std::size_t services = 0;
  std::size_t credentials = 0;
};

/// Is told what happens. Override what is of interest.
///
/// Everything that a function is handed (views, references, pointers) lives until it returns. Functions are called from
/// the loop that carries the call, or from the thread that made the change (reload, clear_credential, …; what the quota
/// store tells comes from a thread of its own); with several of these, from several at once. No lock of keywheel's is
/// held, so an Observer may call the Router, but no blocking form of it. What takes long delays the calls of that loop.
///
/// An Observer that throws ends nothing but itself: it is told no more until the next reload, and Router::warnings()
/// says what it threw.
class KEYWHEEL_EXPORT Observer {
 public:
  virtual ~Observer();

  virtual void on_call_begun(const CallBegun& event);
  virtual void on_call_ended(const CallEnded& event);
  virtual void on_attempt_started(const AttemptStarted& event);
  virtual void on_attempt_ended(const AttemptEnded& event);
  virtual void on_wait_begun(const WaitBegun& event);
  virtual void on_wait_ended(const WaitEnded& event);
  virtual void on_credential_changed(const CredentialChanged& event);
  virtual void on_credentials_joined(const CredentialsJoined& event);
  virtual void on_limit_learned(const LimitLearned& event);
  virtual void on_breaker_changed(const BreakerChanged& event);
  virtual void on_service_rested(const ServiceRested& event);
  virtual void on_store_changed(const StoreChanged& event);
  virtual void on_hedged(const Hedged& event);
  virtual void on_resumed(const ResumedStream& event);
  virtual void on_fell_back(const FellBack& event);
  virtual void on_token_fetched(const TokenFetched& event);
  virtual void on_reloaded(const ConfigReloaded& event);
};

/// The statistics in Prometheus' text format, version 0.0.4: counters and gauges named keywheel_…, by service and
/// credential id. What a scrape endpoint answers.
[[nodiscard]] KEYWHEEL_EXPORT std::string to_prometheus(const RouterStats& stats);

/// A span's name and attributes by OpenTelemetry's conventions for generative AI (gen_ai.…); what these have no name
/// for is under keywheel.…. Values are text; numbers are written in decimal, lists as JSON.
/// https://github.com/open-telemetry/semantic-conventions-genai
struct OtelSpan {
  std::string name{};
  std::vector<std::pair<std::string_view, std::string>> attributes{};
};

/// The span of a whole call, of kind CLIENT.
[[nodiscard]] KEYWHEEL_EXPORT OtelSpan otel_span(const CallEnded& event);
/// The span of one attempt, a child of the call's.
[[nodiscard]] KEYWHEEL_EXPORT OtelSpan otel_span(const AttemptEnded& event);

KEYWHEEL_END_NAMESPACE
