#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/chat.hpp>
#include <keywheel/config.hpp>
#include <keywheel/embedding.hpp>
#include <keywheel/failure.hpp>

/// How a provider speaks, and how to add one of your own (RouterConfig::transports).
///
/// A Transport is pure: values in, bytes out; bytes in, events out. It sees no socket, no pool and no clock but the
/// `now` it is handed, keeps no state, and is called from any thread.

KEYWHEEL_BEGIN_NAMESPACE

/// Seconds and fractions since 1970, UTC: what signatures and tokens are dated with.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct HttpHeader {
  std::string name{};
  std::string value{};
};

/// What to send. `url` must hold no key: it may be printed.
struct HttpRequest {
  std::string method = "POST";
  std::string url{};
  /// "name=value&…", percent-encoded, for APIs that take their key in the URL (Qianfan v1's access_token, Spark's
  /// signature): put behind `url` and a `?` or `&` where it is sent, wiped afterwards, never printed.
  std::string secret_query{};
  std::vector<HttpHeader> headers{};  ///< wiped after sending; never printed
  std::string body{};
  bool websocket = false;  ///< an upgrade; `body` is the first message (where this libcurl has it)
};

/// Status line and headers of an answer.
struct HttpHead {
  int status = 0;
  std::vector<HttpHeader> headers{};

  /// Value of a header, by name in any case; empty when absent.
  [[nodiscard]] KEYWHEEL_EXPORT std::string_view find(std::string_view name) const noexcept;
};

/// Everything about one attempt that is not in the request.
struct Target {
  const ServiceConfig& service;
  const CredentialConfig& credential;
  std::string_view base_url;  ///< the service's, normalised; empty: the provider's own
  std::string_view model;     ///< the name to send, after all redirects and maps
  bool stream = false;
  WallTime now{};
  std::uint64_t nonce = 0;   ///< random, for ids and idempotency keys
  std::string_view token{};  ///< what token_request()'s answer held, where there is one
  OnUnsupported on_unsupported = OnUnsupported::error;
  std::vector<std::string>* warnings = nullptr;  ///< what was left out, where the request says `warn`
  bool resume = false;  ///< the last message is an answer that broke off, to be gone on with (Transport::resumption)
};

/// How a provider takes an answer that broke off, given back to it as the last message.
enum class Resumption : std::uint8_t {
  none,     ///< it would begin a new one, or refuse the request
  appends,  ///< it answers with what follows
  repeats,  ///< it answers with the whole, the given beginning included
};

/// Takes what a Decoder makes of the bytes.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// The event's views need live only during this call.
  virtual void event(const ChatEvent& event) = 0;
  /// A top-level member of the answer that has no event of its own, as JSON text.
  virtual void extra(std::string_view name, std::string_view json) = 0;
};

/// Turns the body of one successful (2xx) answer into events, whatever pieces it comes in. A unary body gives the same
/// events as a stream: the router builds the response from them. One Decoder serves one attempt, on one thread.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// The next bytes of the body. A Failure ends the attempt.
  [[nodiscard]] virtual std::optional<Failure> feed(std::string_view bytes, EventSink& sink) = 0;
  /// The body has ended. A stream that lacks its end is a Failure of class `server`.
  [[nodiscard]] virtual std::optional<Failure> finish(EventSink& sink) = 0;
  /// The last event the dialect has has come: what follows is not waited for.
  [[nodiscard]] virtual bool complete() const noexcept { return false; }
  /// Bytes taken so far that carried data, not comments or keep-alives: what resets the idle clock.
  [[nodiscard]] virtual std::uint64_t progress() const noexcept = 0;
};

/// A token fetched with a credential before its calls (OAuth and the like).
struct Token {
  Secret value{};
  std::chrono::seconds lifetime{0};  ///< from now
};

/// What a provider's dialect can express. The README has the table of all providers;
/// tests/wire/capabilities_test.cpp holds each encoder and the table to it.
struct Capabilities {
  bool stream = true;
  bool tools = true;
  bool parallel_tools = true;
  bool images = true;
  bool audio = false;
  bool files = false;
  bool json_schema = true;
  bool reasoning = true;
  bool embeddings = false;
  bool listing = false;
  bool usage_in_stream = true;
};

class KEYWHEEL_EXPORT Transport {
 public:
  virtual ~Transport();

  [[nodiscard]] virtual Capabilities capabilities() const = 0;

  /// The request as this provider's bytes, signed with the credential. Failure: `unsupported`, `request` or `config`.
  [[nodiscard]] virtual Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const = 0;

  /// A decoder for the body of a 2xx answer with this head.
  [[nodiscard]] virtual std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target,
                                                         const Bounds& bounds) const = 0;

  /// The verdict on an answer that is not 2xx.
  [[nodiscard]] virtual Failure classify(const HttpHead& head, std::string_view body, WallTime now) const = 0;

  /// What the headers of an answer, good or bad, say of the credential's limits. By default, all that is known of how
  /// providers spell them is read.
  [[nodiscard]] virtual StatedQuota stated_quota(const HttpHead& head, WallTime now) const;

  /// What is wrong with a service's entry, one sentence a fault, each beginning with the field's name. Called when the
  /// Router is built; says nothing of a good entry.
  [[nodiscard]] virtual std::vector<std::string> check(const ServiceConfig& service) const;

  /// Where a token must be fetched first: the request that fetches it. The router sends it, keeps the token by
  /// credential, renews it before it ends, and drops it when an answer is classified `token`.
  [[nodiscard]] virtual Result<std::optional<HttpRequest>> token_request(const Target& target) const;
  [[nodiscard]] virtual Result<Token> read_token(std::string_view body, const Target& target) const;

  /// Whether the model goes on with its own answer to `request` where a stream of it broke. Asked of the request as the
  /// user made it; where this is not `none`, encode() is then given one that ends with the broken answer, and
  /// Target::resume. By default: none.
  [[nodiscard]] virtual Resumption resumption(const ChatRequest& request, const ServiceConfig& service,
                                              std::string_view model) const;

  /// Embeddings of `inputs` (at most `embedding_batch()` of them), put into `into` in their order.
  [[nodiscard]] virtual std::size_t embedding_batch(std::string_view model) const;
  [[nodiscard]] virtual Result<HttpRequest> encode_embedding(const EmbeddingRequest& request,
                                                             const std::vector<std::string_view>& inputs,
                                                             const Target& target) const;
  [[nodiscard]] virtual std::optional<Failure> decode_embedding(std::string_view body, std::size_t inputs,
                                                                EmbeddingResponse& into) const;

  /// The models of a service: the request, and its answer.
  [[nodiscard]] virtual Result<HttpRequest> encode_listing(const Target& target) const;
  [[nodiscard]] virtual std::optional<Failure> decode_listing(std::string_view body,
                                                              std::vector<ModelInfo>& into) const;
};

KEYWHEEL_END_NAMESPACE
