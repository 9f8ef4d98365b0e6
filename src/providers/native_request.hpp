#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/credential_fields.hpp"
#include "providers/provider.hpp"

/// What the dialects that are not OpenAI's share in writing a request.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Which fields of a ChatRequest a dialect has words for. What is false here is refused by name when it is set.
struct Sayable {
  bool tools = false;
  bool strict_tools = false;
  bool tool_choice = false;
  bool parallel_tool_calls = false;
  bool json_object = false;
  bool json_schema = false;
  bool max_tokens = false;
  bool temperature = false;
  bool top_p = false;
  bool top_k = false;
  bool stop = false;
  bool seed = false;
  bool presence_penalty = false;
  bool frequency_penalty = false;
  bool logit_bias = false;
  bool logprobs = false;
  bool n = false;
  bool reasoning_effort = false;
  bool reasoning_tokens = false;
  bool user = false;
  bool metadata = false;
  bool service_tier = false;
};

void refuse_unsayable(const ChatRequest& request, const Sayable& can, RequestCheck& check);

/// The name of a role in a dialect whose developers speak as the system.
[[nodiscard]] std::string_view role_of(Role role) noexcept;

/// "messages[2].content[0]", for faults.
[[nodiscard]] std::string message_path(std::size_t message);
[[nodiscard]] std::string part_path(std::size_t message, std::size_t part);

/// The text of a message in a dialect that takes nothing else; its other parts are refused. What the model thought is
/// left out: without a provider's seal it is for the reader, and these providers ask not to have it back.
[[nodiscard]] std::string plain_text(const Message& message, std::size_t place, RequestCheck& check);

/// Refuses the members of a message that stand beside its content.
struct MessageSayable {
  bool name = false;
  bool tool_calls = false;
  bool extra = false;
};
void refuse_unsayable(const Message& message, std::size_t place, const MessageSayable& can, RequestCheck& check);

/// Refuses what a message of its role cannot hold: calls and thoughts that are not the assistant's, an answer to a call
/// that is no tool's.
void refuse_misplaced(const Message& message, std::size_t place, RequestCheck& check);

/// Refuses a format's description and `strict: false` in a dialect that takes a schema alone, and holds to it.
void refuse_beside_schema(const ChatRequest& request, RequestCheck& check);

/// The URL of an image: its own, or a data: URL of its bytes. Empty, and refused, where it has neither.
[[nodiscard]] std::string image_address(const ImagePart& image, std::string_view path, RequestCheck& check);

/// What a dialect takes for a number.
struct Range {
  double low;
  double high;
  bool above_low = false;  ///< `low` itself is out of range
};
/// The value where it is in range; nothing, and refused, where it is not.
[[nodiscard]] std::optional<double> in_range(std::optional<double> value, const Range& range, std::string_view field,
                                             RequestCheck& check);

/// credential_setting() of a target.
[[nodiscard]] std::string_view setting(const Target& target, CredentialField field) noexcept;

/// A fault for each credential that lacks a field ("credentials[0].fields.secret_id: is missing; …").
void require_fields(const ServiceConfig& service, std::initializer_list<CredentialField> fields, std::string_view why,
                    std::vector<std::string>& faults);

/// Where an API's path lies below what a config gives: nothing (`root`), the root, the root with the API's prefix, or a
/// whole endpoint, this one or one of its `siblings`. `base` wins over `root` and may have a query, which stays.
[[nodiscard]] std::string endpoint(std::string_view base, std::string_view root, std::string_view prefix,
                                   std::string_view path, std::initializer_list<std::string_view> siblings = {});

/// A POST of JSON.
[[nodiscard]] HttpRequest json_post(std::string url, std::string body, bool stream);
void add_bearer(HttpRequest& request, std::string_view key);

/// ChatRequest::extra for a body that has its parameters in inner objects.
struct SplitExtra {
  std::string named{};  ///< what stands in the member `named`: a JSON object, or empty
  std::string home{};   ///< what stands in the member `home`, and all that has no such place: likewise
};
[[nodiscard]] SplitExtra split_extra(std::string_view extra, std::string_view named, std::string_view home,
                                     RequestCheck& check);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
