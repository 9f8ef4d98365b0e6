#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/secret.hpp>

/// What a Router is built from. Every struct is an aggregate for designated initialisers; the order of the fields is
/// API.

KEYWHEEL_BEGIN_NAMESPACE

class Observer;
class QuotaStore;
class Transport;

/// Over what the totals of Limits count.
enum class Period : std::uint8_t {
  life,   ///< of the credential
  day,    ///< of the provider's time zone
  month,  ///< of the provider's time zone
};

/// How much may be sent. Every field: 0 is no limit. Set fields hold together: a request goes out only when all of them
/// allow it, and in no window of the given length, wherever it starts, is one exceeded (by the time of sending).
struct Limits {
  double qps = 0;                 ///< requests in any second; below 1 spaces them out (0.5: one in two seconds)
  std::int64_t rpm = 0;           ///< requests in any minute
  std::int64_t rpd = 0;           ///< requests in a day of the provider's time zone
  std::int64_t tpm = 0;           ///< tokens in any minute, input and output; reserved by estimate, settled by usage
  std::int64_t itpm = 0;          ///< input tokens in any minute
  std::int64_t otpm = 0;          ///< output tokens in any minute
  std::int64_t tpd = 0;           ///< tokens in a day of the provider's time zone
  int concurrency = 0;            ///< attempts in flight; a stream holds its place until it ends
  std::int64_t max_requests = 0;  ///< requests in all, over `period`
  std::int64_t max_tokens = 0;    ///< tokens in all, over `period`
  double max_cost = 0;            ///< money in all, over `period`, in the currency of ServiceConfig::prices
  Period period = Period::life;   ///< of the three above
  std::chrono::milliseconds timeout{30'000};  ///< longest wait for room; 0: do not wait
  std::chrono::milliseconds guard{
      500};  ///< windows are held this much longer, for what the network jitters; at most 5 % of a window
  std::chrono::milliseconds burst{
      0};  ///< what is said by the minute holds in windows of this length too, in proportion; 0: as the provider judges
};

/// What a model costs, in the one currency of all prices.
struct Price {
  double input = 0;                      ///< a million tokens of input
  double output = 0;                     ///< a million tokens of output, reasoning included
  std::optional<double> cached_input{};  ///< a million tokens read from the provider's cache; nothing: as `input`
  double request = 0;                    ///< a request
};

/// How a provider counts tokens against its limits.
struct ChargingRule {
  bool ahead = false;  ///< input and the ceiling of the answer (max_tokens) count when the request comes; else what was
                       ///< used, when it is known
  bool output = true;  ///< output counts against tokens a minute
  bool cached = true;  ///< input read from the provider's cache counts

  friend bool operator==(const ChargingRule&, const ChargingRule&) = default;
};

/// What authenticates to a service.
struct CredentialConfig {
  Secret api_key{};
  std::string id{};                        ///< unique; empty: "service#2" by its place
  std::map<std::string, Secret> fields{};  ///< what the provider needs beside the key: appid, api_secret, secret_id, …
  Limits limits{};
  double weight = 1;      ///< share among its peers; 0: only when no other is left
  std::string account{};  ///< credentials that share an account share its limits; empty: on its own
  std::string project{};  ///< likewise below the account
  /// Where it is at home; a call that prefers this region takes it first. bedrock, vertexai, hunyuan and huoshan call,
  /// or sign for, the region of this name.
  std::string region{};
  std::vector<std::string> models{};  ///< which of the service's models it may use; empty: all
  std::string base_url{};             ///< instead of the service's
  std::map<std::string, Limits>
      model_limits{};  ///< by limit group (ServiceConfig::limit_groups) or model: what holds for those alone, too
  bool enabled = true;
};

/// How long each part of a call may take. 0: no bound.
struct Timeouts {
  std::chrono::milliseconds connect{10'000};  ///< until a connection (name, TCP, TLS, proxy) carries the request
  std::chrono::milliseconds first_byte{
      600'000};                             ///< from then until the first data of the answer; a stream's comments are
                                            ///< none (DeepSeek queues a call for up to ten minutes behind them)
  std::chrono::milliseconds idle{120'000};  ///< between two pieces of data; stands while the reader is slow
  std::chrono::milliseconds attempt{0};     ///< one attempt, whole
  std::chrono::milliseconds total{1'800'000};  ///< the call with its waits and retries, whole
};

/// What is tried again, and how often. The consequences of each outcome are one table in the library.
struct RetryPolicy {
  int max_attempts = 0;                          ///< upstream requests of one call; 0: as many as the pool has use for
  int max_attempts_per_service = 2;              ///< for failures of the service itself (5xx, connection)
  std::chrono::milliseconds backoff{500};        ///< first pause before the same service is tried again
  std::chrono::milliseconds max_backoff{8'000};  ///< longest pause; and longest wait for services that all rest
  double jitter = 0.5;                           ///< share of the pause that is random
  bool retry_after_send = true;  ///< once more after a timeout of a request that was sent (it may have been billed)
  std::chrono::milliseconds cooldown{5'000};        ///< first rest of a credential whose provider stated none
  std::chrono::milliseconds max_cooldown{600'000};  ///< longest rest that is guessed
};

/// Stops calls to a (service, model) that keeps failing.
struct CircuitBreakerConfig {
  bool enabled = true;
  int failure_threshold = 5;  ///< failed calls in a row
  std::chrono::milliseconds recovery_timeout{30'000};
  int half_open_max_requests = 1;  ///< probes at once
};

/// A proxy for the way out. Its URL may hold user and password.
struct ProxyConfig {
  Secret url{};            ///< http://, https://, socks5:// (names resolved here), socks5h:// (there); empty: none
  std::string no_proxy{};  ///< hosts that go direct, as in NO_PROXY: names, .suffixes, addresses, "*"
  bool from_environment = false;  ///< take HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY where `url` is empty
};

/// Whom TLS trusts. All empty: the system's certificates. Peers are always verified.
struct TlsConfig {
  std::string ca_file{};  ///< PEM file
  std::string ca_path{};  ///< hashed directory
  std::string ca_pem{};   ///< PEM text
};

/// Bounds on what a provider may send, so that none of it can exhaust the host.
struct Bounds {
  std::size_t max_body = 64U << 20U;     ///< bytes of one answer, decompressed
  std::size_t max_header = 256U << 10U;  ///< bytes of all headers
  std::size_t max_event = 16U << 20U;    ///< bytes of one stream event
  int max_json_depth = 128;
  std::size_t max_buffered =
      1U << 20U;  ///< bytes a slow reader of a pull stream may leave waiting before the transfer pauses
};

/// One configured entry of a provider.
struct ServiceConfig {
  std::string provider{};             ///< "openai", "claude", … or the name of a registered Transport
  std::string id{};                   ///< unique; empty: "openai-1" by its place among its provider's
  std::string base_url{};             ///< root, …/v1 or the full endpoint; empty: the provider's own
  std::vector<std::string> models{};  ///< models routed here; empty: the provider's default list, or any
  std::vector<CredentialConfig> credentials{};
  Rotation rotation = Rotation::round_robin;
  Limits limits{};  ///< for the service as a whole, all its credentials together
  std::vector<std::string> embedding_models{};
  std::map<std::string, std::string> model_map{};       ///< last step before sending: our name → the provider's
  std::map<std::string, std::string> model_redirect{};  ///< aliases that this service answers to → its model
  int priority = 0;                                     ///< services of a lower number are tried first
  double weight = 1;                                    ///< share among services of the same priority
  std::string api{};  ///< dialect, where a provider has several ("responses"); empty: default
  std::map<std::string, std::string> options{};  ///< what a provider needs beside: api_version, bot_id, …
  std::map<std::string, std::string> headers{};  ///< extra HTTP headers
  std::optional<Timeouts> timeouts{};            ///< instead of the Router's
  std::optional<RetryPolicy> retry{};            ///< instead of the Router's
  std::optional<ProxyConfig> proxy{};            ///< instead of the Router's
  std::optional<TlsConfig> tls{};                ///< instead of the Router's
  bool allow_insecure = false;                   ///< send keys over plain http to hosts other than this one
  std::map<std::string, Price> prices{};         ///< by model as sent upstream; "*" for all others
  std::map<std::string, std::string>
      limit_groups{};  ///< model as sent upstream → name of the group of models that share their limits
  std::optional<ChargingRule> charging{};      ///< instead of what is known of the provider
  std::chrono::milliseconds affinity_wait{0};  ///< Rotation::hash: longest wait for the session's own key to have room
  bool enabled = true;
};

/// A second attempt, on another account, beside a first one that is slow; whichever answers first is taken, and the
/// other is cancelled and counted.
struct HedgeConfig {
  bool enabled = false;
  std::chrono::milliseconds delay{
      0};                   ///< so long without a first event; 0: the 95th percentile seen of the service and model
  double max_share = 0.05;  ///< of the calls, at most
};

/// What becomes of calls when the QuotaStore cannot be reached.
enum class StoreLoss : std::uint8_t {
  share,   ///< each process keeps to its equal share of every limit
  refuse,  ///< they fail with ErrorKind::connection
};

/// In which case a call goes on to which other models.
struct FallbackConfig {
  std::vector<std::string> any{};             ///< nothing served the model
  std::vector<std::string> context_length{};  ///< the input is too long for the model
  std::vector<std::string> content_filter{};  ///< the provider's content rules stopped it
};

/// Runs callbacks and coroutines somewhere else than on the loop's thread: Asio, a GUI loop, a thread pool.
using Executor = std::function<void(std::function<void()>)>;

struct RouterConfig {
  std::vector<ServiceConfig> services{};
  Rotation balance = Rotation::random;                  ///< among services of one priority that serve a model
  std::map<std::string, std::string> model_redirect{};  ///< alias → model; the alias "all" takes every name
  std::map<std::string, FallbackConfig> fallbacks{};    ///< by model; "*" for all others
  Timeouts timeouts{};
  RetryPolicy retry{};
  CircuitBreakerConfig circuit_breaker{};
  ProxyConfig proxy{};
  TlsConfig tls{};
  Bounds bounds{};
  std::string region{};  ///< preferred region of credentials
  HedgeConfig hedge{};
  bool resume = false;  ///< a stream that breaks is gone on with where the provider can continue an assistant's turn;
                        ///< never after a piece of a tool call
  std::map<std::string, double> tenants{};    ///< a tenant's part of what is scarce, against 1 for all others
  std::shared_ptr<QuotaStore> quota_store{};  ///< where counts, cooldowns and disabled keys are kept and shared between
                                              ///< processes (quota.hpp); empty: in this process alone
  StoreLoss on_store_loss = StoreLoss::share;
  std::function<std::int64_t(std::string_view text, std::string_view model)>
      count_tokens{};                    ///< a tokenizer of your own, called from any thread; empty: an estimate
  std::shared_ptr<Observer> observer{};  ///< is told what happens (observer.hpp)
  int loop_threads = 1;
  Executor executor{};                                                   ///< empty: callbacks run on the loop's thread
  std::map<std::string, std::shared_ptr<const Transport>> transports{};  ///< providers of your own, by name
  std::string user_agent{};                                              ///< put before keywheel's own
  std::vector<std::string> warnings{};  ///< what the loader of a config file had to say
};

KEYWHEEL_END_NAMESPACE
