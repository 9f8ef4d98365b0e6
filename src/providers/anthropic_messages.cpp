#include "providers/anthropic_messages.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "providers/data_url.hpp"
#include "providers/native_request.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::seconds;

// https://platform.claude.com/docs/en/build-with-claude/citations, …/search-results, …/agents-and-tools/web-search-tool
constexpr std::array<std::string_view, 5> kCitations = {"char_location", "page_location", "content_block_location",
                                                        "web_search_result_location", "search_result_location"};

/// A citation came as a part behind the text that it belongs to, and goes back into that text's block.
bool is_citation(const Part& part) {
  const auto* raw = std::get_if<RawPart>(&part);
  JsonDoc doc;
  return raw != nullptr && doc.parse(raw->json) &&
         std::find(kCitations.begin(), kCitations.end(), doc.root()["type"].string()) != kCitations.end();
}

bool plain(const Part& part) {
  const auto* text = std::get_if<TextPart>(&part);
  return text != nullptr && !text->text.empty() && !text->cache && text->extra.empty();
}

std::string at(std::size_t place) { return fmt::format("messages[{}]", place); }

}  // namespace

void AnthropicMessages::system(const std::vector<PlacedMessage>& messages) {
  if (messages.size() == 1) {
    const Message& only = *messages.front().message;
    if (only.content.size() == 1 && plain(only.content.front()) && only.extra.empty() && only.name.empty()) {
      out_.string(std::get<TextPart>(only.content.front()).text);
      return;
    }
  }
  out_.begin_array();
  for (const PlacedMessage& placed : messages) {
    const Message& message = *placed.message;
    const std::string where = at(placed.place);
    refuse_misplaced(message, placed.place, check_);
    if (!message.name.empty()) check_.unsupported(where + ".name");
    if (!message.extra.empty()) check_.unsupported(where + ".extra", "system messages have no object of their own");
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      const std::string part_at = fmt::format("{}.content[{}]", where, i);
      const Part& part = message.content[i];
      if (const auto* words = std::get_if<TextPart>(&part)) {
        text(*words, {}, part_at);
      } else if (const auto* raw = std::get_if<RawPart>(&part)) {
        out_.raw(raw->json, part_at);
      } else {
        check_.unsupported(part_at, "instructions are text");
      }
    }
  }
  out_.end_array();
}

void AnthropicMessages::turn(const Turn& turn) {
  for (const PlacedMessage& placed : turn.messages) refuse_misplaced(*placed.message, placed.place, check_);
  out_.begin_object().member("role", turn.assistant ? "assistant" : "user").key("content");
  const Message& first = *turn.messages.front().message;
  const bool short_form = turn.messages.size() == 1 && first.role != Role::tool && first.tool_calls.empty() &&
                          first.content.size() == 1 && plain(first.content.front());
  if (short_form) {
    if (!first.name.empty()) check_.unsupported(at(turn.messages.front().place) + ".name");
    out_.string(std::get<TextPart>(first.content.front()).text);
  } else {
    out_.begin_array();
    // The API wants the results of tools before anything else that the user says.
    for (const PlacedMessage& placed : turn.messages) {
      if (placed.message->role == Role::tool) tool_result(placed);
    }
    for (const PlacedMessage& placed : turn.messages) {
      if (placed.message->role != Role::tool) message_parts(placed);
    }
    out_.end_array();
  }
  const bool has_extra = first.role != Role::tool && !first.extra.empty();
  out_.end_object(has_extra ? std::string_view(first.extra) : std::string_view{},
                  at(turn.messages.front().place) + ".extra");
}

void AnthropicMessages::message_parts(const PlacedMessage& placed) {
  const Message& message = *placed.message;
  const std::string where = at(placed.place);
  if (!message.name.empty()) check_.unsupported(where + ".name");
  parts(message, where + ".content");
  if (message.role != Role::assistant) return;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    tool_use(message.tool_calls[i], fmt::format("{}.tool_calls[{}]", where, i));
  }
}

void AnthropicMessages::parts(const Message& message, const std::string& where) {
  const std::vector<Part>& parts = message.content;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part_at = fmt::format("{}[{}]", where, i);
    if (const auto* words = std::get_if<TextPart>(&parts[i])) {
      std::vector<std::string_view> citations;
      for (; i + 1 < parts.size() && is_citation(parts[i + 1]); ++i) {
        citations.push_back(std::get<RawPart>(parts[i + 1]).json);
      }
      text(*words, citations, part_at);
      continue;
    }
    std::visit(
        [&](const auto& part) {
          using Kind = std::decay_t<decltype(part)>;
          if constexpr (std::is_same_v<Kind, ImagePart>) {
            image(part, part_at);
          } else if constexpr (std::is_same_v<Kind, AudioPart>) {
            check_.unsupported(part_at, "it takes no audio");
          } else if constexpr (std::is_same_v<Kind, FilePart>) {
            file(part, part_at);
          } else if constexpr (std::is_same_v<Kind, ReasoningPart>) {
            if (message.role == Role::assistant) reasoning(part, part_at);
          } else if constexpr (std::is_same_v<Kind, RefusalPart>) {
            text(TextPart{.text = part.text}, {}, part_at);
          } else if constexpr (std::is_same_v<Kind, RawPart>) {
            out_.raw(part.json, part_at);
          }
        },
        parts[i]);
  }
}

void AnthropicMessages::text(const TextPart& part, const std::vector<std::string_view>& citations,
                             const std::string& where) {
  // The API refuses an empty block, and nothing is lost without one.
  if (part.text.empty() && part.extra.empty()) return;
  out_.begin_object().member("type", "text").member("text", part.text);
  if (!citations.empty()) {
    out_.key("citations").begin_array();
    for (const std::string_view citation : citations) out_.trusted(citation);
    out_.end_array();
  }
  cache_control(part.cache, where);
  out_.end_object(part.extra, where + ".extra");
}

void AnthropicMessages::image(const ImagePart& part, const std::string& where) {
  if (!part.detail.empty() && part.detail != "auto") check_.unsupported(where + ".detail");
  if (!part.data.empty() && part.media_type.empty()) {
    check_.invalid(where + ".media_type: an image by its bytes needs one (\"image/png\")");
  }
  if (part.data.empty() && part.url.empty()) check_.invalid(where + ": an image needs a url or data");
  out_.begin_object().member("type", "image").key("source");
  if (!part.data.empty()) {
    source_of_bytes(part.media_type, part.data);
  } else {
    source_of_url(part.url);
  }
  cache_control(part.cache, where);
  out_.end_object(part.extra, where + ".extra");
}

void AnthropicMessages::file(const FilePart& part, const std::string& where) {
  const bool picture = part.media_type.starts_with("image/");
  // The API knows no kind of text but the plain one.
  const bool words = part.media_type.starts_with("text/");
  if (part.id.empty() && part.url.empty()) {
    if (part.data.empty()) return check_.invalid(where + ": a file needs data, a url or an id");
    if (part.media_type.empty()) {
      return check_.invalid(where + ".media_type: a file by its bytes needs one (\"application/pdf\")");
    }
    if (!picture && !words && part.media_type != "application/pdf") {
      return check_.unsupported(where, fmt::format("it reads PDF, text and images, not {}", part.media_type));
    }
  }
  out_.begin_object().member("type", picture ? "image" : "document").key("source");
  if (!part.id.empty()) {
    out_.begin_object().member("type", "file").member("file_id", part.id).end_object();
  } else if (!part.url.empty()) {
    source_of_url(part.url);
  } else if (words) {
    out_.begin_object().member("type", "text").member("media_type", "text/plain").member("data", part.data);
    out_.end_object();
  } else {
    source_of_bytes(part.media_type, part.data);
  }
  if (!part.filename.empty() && !picture) out_.member("title", part.filename);
  cache_control(part.cache, where);
  out_.end_object(part.extra, where + ".extra");
}

void AnthropicMessages::reasoning(const ReasoningPart& part, const std::string& where) {
  if (!part.encrypted.empty()) {
    out_.begin_object().member("type", "redacted_thinking").member("data", part.encrypted).end_object();
    return;
  }
  if (part.signature.empty() && traits_.signed_thoughts) {
    // Another provider's thought. Vendors drop the thoughts of earlier turns themselves, so that this is no error.
    return check_.left_out(where, "Claude takes only thoughts that it signed");
  }
  out_.begin_object().member("type", "thinking").member("thinking", part.text);
  out_.member("signature", part.signature).end_object();
}

void AnthropicMessages::tool_use(const ToolCall& call, const std::string& where) {
  if (!call.type.empty() && call.type != "function") check_.unsupported(where + ".type", call.type);
  out_.begin_object().member("type", "tool_use").member("id", call.id).member("name", call.name).key("input");
  if (call.arguments.find_first_not_of(" \t\r\n") == std::string::npos) {
    out_.begin_object().end_object();
  } else {
    out_.raw(call.arguments, where + ".arguments");
  }
  out_.end_object(call.extra, where + ".extra");
}

void AnthropicMessages::tool_result(const PlacedMessage& placed) {
  const Message& message = *placed.message;
  const std::string where = at(placed.place);
  if (message.tool_call_id.empty()) check_.invalid(where + ".tool_call_id: a tool's result needs the id of its call");
  out_.begin_object().member("type", "tool_result").member("tool_use_id", message.tool_call_id).key("content");
  if (message.content.size() == 1 && plain(message.content.front())) {
    out_.string(std::get<TextPart>(message.content.front()).text);
  } else {
    out_.begin_array();
    parts(message, where + ".content");
    out_.end_array();
  }
  if (message.failed) out_.member("is_error", true);
  out_.end_object(message.extra, where + ".extra");
}

void AnthropicMessages::source_of_bytes(std::string_view media_type, std::string_view data) {
  out_.begin_object().member("type", "base64").member("media_type", media_type);
  out_.key("data").base64("", data).end_object();
}

void AnthropicMessages::source_of_url(std::string_view url) {
  out_.begin_object();
  if (const std::optional<DataUrl> inside = read_data_url(url)) {
    out_.member("type", "base64").member("media_type", inside->media_type).member("data", inside->base64);
  } else {
    out_.member("type", "url").member("url", url);
  }
  out_.end_object();
}

void AnthropicMessages::cache_control(const std::optional<CacheBreakpoint>& cache, std::string_view where) {
  if (!cache) return;
  // https://platform.claude.com/docs/en/build-with-claude/prompt-caching: 5 minutes unless said otherwise, or an hour.
  const bool hour = cache->ttl == seconds(3600);
  if (!hour && cache->ttl != seconds(300)) {
    check_.unsupported(fmt::format("{}.cache.ttl", where), "it caches for 300 or 3600 seconds");
    return;
  }
  out_.key("cache_control").begin_object().member("type", "ephemeral");
  if (hour) out_.member("ttl", "1h");
  out_.end_object();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
