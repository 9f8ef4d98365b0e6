#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/dialect.hpp"
#include "support/json.hpp"

/// What the dialects have in common: reading a conversation strictly, JSON templates, and errors as data. Written from
/// the vendors' pages and from recorded traffic, and sharing nothing with the library's encoders, so that a mistake of
/// theirs shows.

namespace keywheel::testing {

/// One message of a conversation, in no provider's words.
struct Turn {
  enum class Who : std::uint8_t { system, user, assistant, tool };
  Who who = Who::user;
  std::string text{};
  std::vector<std::string> images{};     ///< as image_of() says them
  std::vector<AskedTool> calls{};        ///< assistant
  std::optional<std::string> answers{};  ///< tool: the id of its call, or the function's name where there are no ids
};

/// "image/png:BASE64" of a data URL; any other URL as it is.
[[nodiscard]] std::string image_of(std::string_view url);

/// Puts a conversation into `ask`, or says what a provider would refuse about it: nothing said, a result that answers
/// no call of the answer before it, a call without its result, arguments that are not a JSON object.
[[nodiscard]] std::optional<std::string> take_turns(const std::vector<Turn>& turns, Ask& ask);

/// A tool with the properties of its JSON schema; types in small letters.
[[nodiscard]] OfferedTool offered_tool(std::string_view name, const rapidjson::Value* schema);

/// OpenAI's messages, which many have taken over.
[[nodiscard]] std::optional<std::string> read_openai_turns(const rapidjson::Value& body, std::vector<Turn>& turns);
/// OpenAI's tools; what is wrong with them, or nothing.
[[nodiscard]] std::optional<std::string> read_openai_tools(const rapidjson::Value& body, Ask& ask);

/// A JSON string literal.
[[nodiscard]] std::string quoted(std::string_view text);
/// `text` of a value: its JSON.
[[nodiscard]] std::string json_of(const rapidjson::Value& value);

using Blanks = std::initializer_list<std::pair<std::string_view, std::string>>;
/// `form` with each $name, or ${name}, filled in.
[[nodiscard]] std::string fill(std::string_view form, Blanks blanks);

/// `text` in two halves, neither of which cuts a character: arguments never come whole.
[[nodiscard]] std::pair<std::string, std::string> halves(std::string_view text);

[[nodiscard]] std::string sse_event(std::string_view data, std::string_view name = {});

/// How a vendor words one kind of refusal.
struct Refusal {
  Fault::Kind kind;
  int status;
  /// "$message" stands for what is wrong with the request, in quotes; "$wait" for whole seconds; "$model" for the
  /// model, without quotes.
  std::string_view body;
  std::string_view header{};  ///< "name: value", beside Retry-After
  bool in_stream = false;     ///< where a stream is asked for, the body is its only event
};

/// The answer of the row of the fault's kind; of the last row where there is none. `wait_in_header`: Retry-After says
/// when.
[[nodiscard]] Reply refusal_reply(std::span<const Refusal> rows, const Fault& fault, const Ask& ask,
                                  bool wait_in_header = true);

[[nodiscard]] bool has_row(std::span<const Refusal> rows, Fault::Kind kind) noexcept;

/// A dialect of JSON bodies.
class JsonDialect : public Dialect {
 public:
  [[nodiscard]] std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override;
  [[nodiscard]] Reply refuse(const Fault& fault, const Ask& ask) const override;
  [[nodiscard]] bool has_words_for(Fault::Kind kind) const override { return has_row(refusals(), kind); }

 protected:
  /// Reads the body into `ask` and `turns`; what is wrong with it, or nothing.
  [[nodiscard]] virtual std::optional<std::string> read_body(const ReceivedRequest& request,
                                                             const rapidjson::Value& body, Ask& ask,
                                                             std::vector<Turn>& turns) const = 0;
  [[nodiscard]] virtual std::span<const Refusal> refusals() const = 0;
  [[nodiscard]] virtual bool key_in_url() const { return false; }
};

/// The key of "Authorization: Bearer KEY"; empty: there is none.
[[nodiscard]] std::string bearer_of(const ReceivedRequest& request);
/// The value of a name in a query or a form, percent-decoded.
[[nodiscard]] std::string form_value(std::string_view form, std::string_view name);

/// What a token endpoint hands out for a key, and whose such a token is: so a key's script holds for its tokens too.
[[nodiscard]] std::string token_of(std::string_view key);
[[nodiscard]] std::string key_of_token(std::string_view token);

/// What is wrong with a signed request's Authorization ("SCHEME Credential=ID/…, SignedHeaders=…, Signature=HEX"), or
/// nothing; `id` is who signed. Only its form is looked at: the signatures themselves have vectors of their own.
[[nodiscard]] std::optional<std::string> signature_fault(const ReceivedRequest& request, std::string_view scheme,
                                                         std::initializer_list<std::string_view> signed_headers);
[[nodiscard]] std::string signer_of(const ReceivedRequest& request);

}  // namespace keywheel::testing
