#include "providers/gemini_contents.hpp"

#include <fmt/format.h>

#include "providers/data_url.hpp"
#include "providers/media_type.hpp"
#include "providers/native_request.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

// What Google takes for the signature of a call that it did not make itself: a conversation that began with another
// provider has none.  https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

constexpr std::string_view kFilesRoot = "https://generativelanguage.googleapis.com/v1beta/";

bool is_system(const Message& message) noexcept {
  return message.role == Role::system || message.role == Role::developer;
}

bool is_media(const Part& part) noexcept {
  return std::holds_alternative<ImagePart>(part) || std::holds_alternative<AudioPart>(part) ||
         std::holds_alternative<FilePart>(part);
}

/// The function that a call asked for, by the call's id: the nearest call before the result, since ids that keywheel
/// did not choose may repeat.
std::string_view called_function(const std::vector<Message>& messages, std::size_t before,
                                 std::string_view id) noexcept {
  for (std::size_t i = before; i-- > 0;) {
    for (const ToolCall& call : messages[i].tool_calls) {
      if (call.id == id) return call.name;
    }
  }
  return {};
}

}  // namespace

void GeminiContents::write() {
  system_instruction();
  contents();
}

void GeminiContents::system_instruction() {
  bool open = false;
  for (std::size_t i = 0; i < request_.messages.size(); ++i) {
    const Message& message = request_.messages[i];
    if (!is_system(message)) continue;
    refuse_misplaced(message, i, check_);
    if (!message.extra.empty()) check_.unsupported(fmt::format("messages[{}].extra", i), "system messages are joined");
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      const auto* text = std::get_if<TextPart>(&message.content[j]);
      if (text == nullptr) {
        check_.unsupported(part_path(i, j), "a system message takes text only");
        continue;
      }
      if (text->text.empty()) continue;
      if (!open) json_.key("systemInstruction").begin_object().key("parts").begin_array();
      open = true;
      part(message.content[j], part_path(i, j));
    }
  }
  if (open) json_.end_array().end_object();
}

void GeminiContents::contents() {
  json_.key("contents").begin_array();
  bool any = false;
  for (std::size_t i = 0; i < request_.messages.size(); ++i) {
    const Message& message = request_.messages[i];
    if (!message.name.empty() && message.role != Role::tool) check_.unsupported(fmt::format("messages[{}].name", i));
    if (is_system(message)) continue;
    refuse_misplaced(message, i, check_);
    if (!message.extra.empty()) end_turn();
    switch (message.role) {
      case Role::assistant:
        assistant(message, i);
        break;
      case Role::tool:
        result(message, i);
        break;
      default:
        user(message, i);
    }
    any = any || !role_.empty();
    if (!message.extra.empty()) end_turn(message.extra);
  }
  end_turn();
  json_.end_array();
  if (!any) check_.invalid("messages holds nothing but system messages; expected one of the user's");
}

void GeminiContents::turn(std::string_view role) {
  if (role_ == role) return;
  end_turn();
  role_ = role;
  json_.begin_object().member("role", role).key("parts").begin_array();
}

void GeminiContents::end_turn(std::string_view extra) {
  if (role_.empty()) return;
  json_.end_array().end_object(extra, "messages[].extra");
  role_ = {};
}

void GeminiContents::user(const Message& message, std::size_t at) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& one = message.content[i];
    if (const auto* text = std::get_if<TextPart>(&one); text != nullptr && text->text.empty()) continue;
    // A thought of the user's is refused, and has no place.
    if (std::holds_alternative<ReasoningPart>(one)) continue;
    turn("user");
    part(one, part_path(at, i));
  }
}

void GeminiContents::assistant(const Message& message, std::size_t at) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& one = message.content[i];
    if (const auto* text = std::get_if<TextPart>(&one); text != nullptr && text->text.empty()) continue;
    // A thought that only its own provider can open is of no use to another.
    if (const auto* thought = std::get_if<ReasoningPart>(&one);
        thought != nullptr && thought->text.empty() && thought->signature.empty()) {
      check_.left_out(part_path(at, i), "only the provider that sealed this thought can open it");
      continue;
    }
    turn("model");
    part(one, part_path(at, i));
  }
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    turn("model");
    function_call(message.tool_calls[i], fmt::format("{}.tool_calls[{}]", message_path(at), i), i == 0);
  }
}

void GeminiContents::result(const Message& message, std::size_t at) {
  std::string_view name = message.name;
  if (name.empty()) name = called_function(request_.messages, at, message.tool_call_id);
  if (name.empty()) {
    check_.invalid(
        fmt::format("messages[{}].tool_call_id names no call of an earlier message, and name is empty; "
                    "gemini needs the function's name",
                    at));
  }
  turn("user");
  json_.begin_object().key("functionResponse").begin_object();
  if (!message.tool_call_id.empty()) json_.member("id", message.tool_call_id);
  json_.member("name", name);
  function_result(message.text(), message.failed);
  bool open = false;
  const auto beside = [this](const Part& one) { return is_media(one) && !generation_.media_in_results; };
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& one = message.content[i];
    if (const auto* text = std::get_if<TextPart>(&one)) {
      if (!text->extra.empty()) check_.unsupported(part_path(at, i) + ".extra", "the texts of a result are joined");
      continue;
    }
    if (std::holds_alternative<ReasoningPart>(one) || beside(one)) continue;
    if (!open) json_.key("parts").begin_array();
    open = true;
    part(one, part_path(at, i));
  }
  if (open) json_.end_array();
  json_.end_object().end_object();
  // Older models take a function's pictures beside its result only.
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    if (beside(message.content[i])) part(message.content[i], part_path(at, i));
  }
}

// The result must be an object. One that is already goes as it is; other text under the name that Google's examples
// use.  https://ai.google.dev/api/caching#FunctionResponse
void GeminiContents::function_result(std::string_view text, bool failed) {
  json_.key("response");
  if (failed) {
    json_.begin_object().member("error", text).end_object();
    return;
  }
  JsonDoc doc;
  if (doc.parse(text) && doc.root().is_object()) {
    json_.trusted(doc.text());
  } else {
    json_.begin_object().member("result", text).end_object();
  }
}

void GeminiContents::part(const Part& part, const std::string& path) {
  if (const auto* text = std::get_if<TextPart>(&part)) {
    json_.begin_object().member("text", text->text).end_object(text->extra, path + ".extra");
  } else if (const auto* image = std::get_if<ImagePart>(&part)) {
    media(image->url, image->data, image->media_type, image->extra, path);
  } else if (const auto* audio = std::get_if<AudioPart>(&part)) {
    const std::string type = audio->format.empty() ? std::string() : "audio/" + audio->format;
    media(audio->url, audio->data, type, audio->extra, path);
  } else if (const auto* file = std::get_if<FilePart>(&part)) {
    this->file(*file, path);
  } else if (const auto* thought = std::get_if<ReasoningPart>(&part)) {
    reasoning(*thought);
  } else if (const auto* refusal = std::get_if<RefusalPart>(&part)) {
    json_.begin_object().member("text", refusal->text).end_object();
  } else if (const auto* raw = std::get_if<RawPart>(&part)) {
    json_.raw(raw->json, path);
  }
}

void GeminiContents::file(const FilePart& file, const std::string& path) {
  std::string url = file.url;
  if (!file.id.empty()) {
    if (door_ == GeminiDoor::vertex && file.id.starts_with("files/"))
      check_.unsupported(path + ".id", "Vertex AI knows no uploaded files");
    url = file.id.starts_with("files/") ? std::string(kFilesRoot) + file.id : file.id;
  }
  const std::string_view type = file.media_type.empty() ? media_type_of_name(file.filename) : file.media_type;
  // Others cannot do without a name, so that a request for several providers bears one: no error.
  if (!file.filename.empty()) check_.left_out(path + ".filename", "Gemini's files have no names");
  media(url, file.data, type, file.extra, path);
}

void GeminiContents::media(std::string_view url, std::string_view data, std::string_view type, std::string_view extra,
                           const std::string& path) {
  json_.begin_object();
  if (const auto inline_url = read_data_url(url)) {
    json_.key("inlineData")
        .begin_object()
        .member("mimeType", inline_url->media_type)
        .member("data", inline_url->base64)
        .end_object();
  } else if (!url.empty()) {
    json_.key("fileData").begin_object();
    if (type.empty()) type = media_type_of_name(url);
    if (!type.empty()) json_.member("mimeType", type);
    json_.member("fileUri", url).end_object();
  } else {
    if (data.empty()) check_.invalid(path + " has neither data nor url");
    if (type.empty()) check_.invalid(path + " has data without its media type (\"image/png\", \"wav\", …)");
    json_.key("inlineData").begin_object().member("mimeType", type).key("data").base64({}, data).end_object();
  }
  json_.end_object(extra, path + ".extra");
}

void GeminiContents::reasoning(const ReasoningPart& part) {
  json_.begin_object().member("text", part.text);
  // The seal of an answer's text stands without a thought.
  if (!part.text.empty()) json_.member("thought", true);
  if (!part.signature.empty()) json_.member("thoughtSignature", part.signature);
  json_.end_object();
}

void GeminiContents::function_call(const ToolCall& call, const std::string& path, bool first) {
  if (!call.type.empty() && call.type != "function") {
    check_.unsupported(path + ".type", "only functions are called");
  }
  json_.begin_object().key("functionCall").begin_object();
  if (!call.id.empty()) json_.member("id", call.id);
  json_.member("name", call.name).key("args");
  JsonDoc doc;
  if (call.arguments.empty()) {
    json_.begin_object().end_object();
  } else if (doc.parse(call.arguments) && doc.root().is_object()) {
    json_.trusted(doc.text());
  } else {
    check_.invalid(fmt::format("{}.arguments of {} is not a JSON object", path, call.name));
    json_.null();
  }
  json_.end_object(call.extra, path + ".extra");
  // Of calls made at once only the first is signed.
  if (!call.signature.empty()) {
    json_.member("thoughtSignature", call.signature);
  } else if (first && generation_.signs_calls) {
    json_.member("thoughtSignature", kNoSignature);
  }
  json_.end_object();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
