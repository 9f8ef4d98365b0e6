#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_request.hpp"
#include "support/reply.hpp"

/// Between what the loopback provider decides and how a provider family would say it. One file a dialect; the engine
/// (provider_engine.hpp) knows none of them.

namespace keywheel::testing {

/// A tool as a request offers it.
struct OfferedTool {
  struct Property {
    std::string name{};
    std::string type{};  ///< JSON schema's: "string", "integer", …
  };
  std::string name{};
  std::vector<Property> properties{};
};

/// What a request asks for, in no provider's words.
struct Ask {
  enum class Kind : std::uint8_t {
    chat,
    embedding,
    listing,
    token,  ///< fetches what authenticates the others
  };
  Kind kind = Kind::chat;
  std::string model{};
  bool stream = false;
  bool usage_in_stream = true;        ///< the client wants usage with the stream, where a dialect has that choice
  std::string prompt{};               ///< text of the last user message
  bool claude = false;                ///< Vertex AI: a model of Anthropic's
  std::vector<std::string> images{};  ///< of the last user message: "image/png:BASE64", or a URL
  std::string context{};              ///< text of all messages, for counting
  std::vector<OfferedTool> tools{};   ///< empty also where the request forbids their use
  std::optional<std::string> tool_result{};  ///< the last message is a tool's result: its text,
                                             ///< and those of its like before it, joined by " and "
  std::optional<std::int64_t> max_tokens{};
  int answers = 1;                    ///< "n"
  std::vector<std::string> inputs{};  ///< embedding
  std::int64_t dimensions = 0;        ///< embedding; 0: the model's own
};

struct AskedTool {
  std::string id{};
  std::string name{};
  std::string arguments{};  ///< JSON
};

/// What to say, in no provider's words.
struct Answer {
  std::string id{};
  std::string model{};
  std::vector<std::string> words{};  ///< the text in the pieces in which a stream brings it; joined, it is the text
  std::vector<AskedTool> tool_calls{};
  bool cut_short = false;  ///< max_tokens ended it
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t created = 0;  ///< Unix seconds
  std::vector<std::vector<float>> embeddings{};
  std::vector<std::string> models{};
  std::string key{};                    ///< Ask::Kind::token: whose token it is
  std::chrono::nanoseconds between{0};  ///< between two pieces of a stream

  [[nodiscard]] std::string text() const;
};

/// A key's limit at the time of an answer, for the headers.
struct RateState {
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  std::chrono::nanoseconds reset{0};  ///< until the window has room again
  std::chrono::nanoseconds window{0};
};

/// Why a request is refused.
struct Fault {
  enum class Kind : std::uint8_t {
    no_key,
    invalid_key,
    rate_limited,
    quota_exhausted,
    forbidden,
    bad_request,
    context_length,
    content_filter,
    not_found,  ///< the path
    unknown_model,
    overloaded,
    server_error,
  };
  Kind kind = Kind::server_error;
  int status = 0;         ///< 0: the dialect's own for this kind
  std::string message{};  ///< empty: the dialect's own
  std::optional<std::chrono::nanoseconds> retry_after{};
  std::optional<RateState> rate{};
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  Dialect() = default;
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;

  /// The request is in this dialect, by its path or its headers.
  [[nodiscard]] virtual bool takes(const ReceivedRequest& request) const = 0;
  /// What authenticates the request; empty: nothing does.
  [[nodiscard]] virtual std::string key(const ReceivedRequest& request) const = 0;
  /// What it asks; a Fault when that cannot be understood.
  [[nodiscard]] virtual std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const = 0;
  [[nodiscard]] virtual Reply answer(const Ask& ask, const Answer& answer,
                                     const std::optional<RateState>& rate) const = 0;
  [[nodiscard]] virtual Reply refuse(const Fault& fault, const Ask& ask) const = 0;
  /// It has words of its own for such a refusal.
  [[nodiscard]] virtual bool has_words_for(Fault::Kind kind) const = 0;
};

/// A text in the pieces a stream brings it in: each word with the space before it.
[[nodiscard]] std::vector<std::string> in_words(std::string_view text);
/// The loopback provider's tokens are words.
[[nodiscard]] std::int64_t count_words(std::string_view text) noexcept;

/// The answer to a well-formed request: a function of the request alone, so that tests can foresee it.
///
/// - Text: "You said: PROMPT" and each image in brackets, or "The tool said: RESULT" where the last message is a tool's
/// result.
/// - Tools offered, last message the user's: a call of each tool, `call_1`, `call_2`, …, whose arguments have each
///   property of the schema: the prompt for a string, 1 for a number, true, [] or {} for the rest.
/// - Tokens are words. max_tokens cuts the text.
/// - Embeddings: 8 numbers (or as many as asked for) between 0 and 1 that depend on the input's characters.
[[nodiscard]] Answer compose_answer(const Ask& ask, std::uint64_t number);

}  // namespace keywheel::testing
