#include "providers/bedrock_messages.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "providers/data_url.hpp"
#include "providers/native_request.hpp"
#include "providers/text.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using std::chrono::seconds;

// Nova's grounding and code interpreter, which Bedrock runs.
constexpr std::string_view kServerTool = "server_tool_use";

struct Format {
  std::string_view media_type;
  std::string_view name;
  std::string_view block;  ///< in which Converse takes it
};

// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html, …_DocumentBlock, …_VideoBlock
constexpr std::array kFormats = {
    Format{"image/png", "png", "image"},
    Format{"image/jpeg", "jpeg", "image"},
    Format{"image/jpg", "jpeg", "image"},
    Format{"image/gif", "gif", "image"},
    Format{"image/webp", "webp", "image"},
    Format{"application/pdf", "pdf", "document"},
    Format{"text/csv", "csv", "document"},
    Format{"application/msword", "doc", "document"},
    Format{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", "document"},
    Format{"application/vnd.ms-excel", "xls", "document"},
    Format{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", "document"},
    Format{"text/html", "html", "document"},
    Format{"text/plain", "txt", "document"},
    Format{"text/markdown", "md", "document"},
    Format{"video/mp4", "mp4", "video"},
    Format{"video/quicktime", "mov", "video"},
    Format{"video/webm", "webm", "video"},
    Format{"video/x-matroska", "mkv", "video"},
};

const Format* find_format(std::string_view media_type) {
  const auto found = std::find_if(kFormats.begin(), kFormats.end(), [media_type](const Format& format) {
    return equal_ignoring_case(format.media_type, media_type);
  });
  return found == kFormats.end() ? nullptr : &*found;
}

/// A name as the API takes it: letters, digits, blanks, "-", "(", ")", "[", "]", without the file's ending.
std::string document_name(std::string_view filename, int number) {
  filename = filename.substr(0, std::min(filename.rfind('.'), filename.size()));
  std::string name;
  for (const char c : filename.substr(0, 200)) {
    const char lower = ascii_lower(c);
    const bool taken = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
                       std::string_view("-()[]").find(c) != std::string_view::npos;
    if (taken) {
      name += c;
    } else if (!name.empty() && name.back() != ' ') {
      name += ' ';
    }
  }
  while (name.ends_with(' ')) name.pop_back();
  return name.empty() ? fmt::format("document-{}", number) : name;
}

/// The citations of a part that the decoder made of citationsContent, whose text came as text.
std::string citations_of(const Part& part) {
  const auto* raw = std::get_if<RawPart>(&part);
  JsonDoc doc;
  if (raw == nullptr || !doc.parse(raw->json)) return {};
  const JsonValue content = doc.root()["citationsContent"];
  return content["content"] ? std::string() : std::string(content["citations"].raw());
}

std::string at(std::size_t place) { return fmt::format("messages[{}]", place); }

}  // namespace

void BedrockMessages::system(const std::vector<PlacedMessage>& messages) {
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
        text(*words, part_at);
      } else if (const auto* raw = std::get_if<RawPart>(&part)) {
        out_.raw(raw->json, part_at);
      } else {
        check_.unsupported(part_at, "instructions are text");
      }
    }
  }
  out_.end_array();
}

void BedrockMessages::turn(const Turn& turn) {
  for (const PlacedMessage& placed : turn.messages) refuse_misplaced(*placed.message, placed.place, check_);
  const Message& first = *turn.messages.front().message;
  out_.begin_object().member("role", turn.assistant ? "assistant" : "user").key("content").begin_array();
  for (const PlacedMessage& placed : turn.messages) {
    if (placed.message->role == Role::tool) tool_result(placed);
  }
  for (const PlacedMessage& placed : turn.messages) {
    const Message& message = *placed.message;
    if (message.role == Role::tool) continue;
    const std::string where = at(placed.place);
    if (!message.name.empty()) check_.unsupported(where + ".name");
    // What Bedrock called itself stands before its results, which are among the parts; the caller's turn comes last.
    if (turn.assistant) tool_uses(message, where, true);
    parts(message, where + ".content");
    if (turn.assistant) tool_uses(message, where, false);
  }
  const bool has_extra = first.role != Role::tool && !first.extra.empty();
  out_.end_array().end_object(has_extra ? std::string_view(first.extra) : std::string_view{},
                              at(turn.messages.front().place) + ".extra");
}

void BedrockMessages::parts(const Message& message, const std::string& where) {
  const std::vector<Part>& parts = message.content;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part_at = fmt::format("{}[{}]", where, i);
    if (const auto* words = std::get_if<TextPart>(&parts[i])) {
      const std::string citations = i + 1 < parts.size() ? citations_of(parts[i + 1]) : std::string();
      if (citations.empty()) {
        text(*words, part_at);
      } else {
        cited_text(*words, citations, part_at);
        ++i;
      }
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
            text(TextPart{.text = part.text}, part_at);
          } else if constexpr (std::is_same_v<Kind, RawPart>) {
            out_.raw(part.json, part_at);
          }
        },
        parts[i]);
  }
}

void BedrockMessages::text(const TextPart& part, const std::string& where) {
  if (!part.extra.empty()) check_.unsupported(where + ".extra", "a block of text has no other members");
  // The API refuses an empty block, and nothing is lost without one.
  if (!part.text.empty()) out_.begin_object().member("text", part.text).end_object();
  cache_point(part.cache, where);
}

void BedrockMessages::cited_text(const TextPart& part, std::string_view citations, const std::string& where) {
  if (!part.extra.empty()) check_.unsupported(where + ".extra", "a block of text has no other members");
  out_.begin_object().key("citationsContent").begin_object().key("content").begin_array();
  out_.begin_object().member("text", part.text).end_object().end_array();
  out_.key("citations").trusted(citations).end_object().end_object();
  cache_point(part.cache, where);
}

void BedrockMessages::image(const ImagePart& part, const std::string& where) {
  if (!part.detail.empty() && part.detail != "auto") check_.unsupported(where + ".detail");
  const std::optional<DataUrl> inside = read_data_url(part.url);
  const std::string_view type =
      part.media_type.empty() && inside ? inside->media_type : std::string_view(part.media_type);
  const Format* format = find_format(type);
  if (part.data.empty() && part.url.empty()) return check_.invalid(where + ": an image needs a url or data");
  if (!inside && part.data.empty() && !part.url.starts_with("s3://")) {
    return check_.unsupported(where + ".url", "it fetches from s3:// only; give the bytes");
  }
  if (type.empty()) return check_.invalid(where + ".media_type: an image needs one here (\"image/png\")");
  if (format == nullptr || format->block != "image") {
    return check_.unsupported(where, fmt::format("it sees png, jpeg, gif and webp, not {}", type));
  }
  out_.begin_object().key("image").begin_object().member("format", format->name).key("source");
  source(part.data, part.url);
  out_.end_object(part.extra, where + ".extra").end_object();
  cache_point(part.cache, where);
}

void BedrockMessages::file(const FilePart& part, const std::string& where) {
  const std::optional<DataUrl> inside = read_data_url(part.url);
  const std::string_view type =
      part.media_type.empty() && inside ? inside->media_type : std::string_view(part.media_type);
  const Format* format = find_format(type);
  if (!part.id.empty()) return check_.unsupported(where + ".id", "it keeps no files");
  if (part.data.empty() && part.url.empty()) return check_.invalid(where + ": a file needs data or a url");
  if (!inside && part.data.empty() && !part.url.starts_with("s3://")) {
    return check_.unsupported(where + ".url", "it fetches from s3:// only; give the bytes");
  }
  if (type.empty()) return check_.invalid(where + ".media_type: a file needs one here (\"application/pdf\")");
  if (format == nullptr) return check_.unsupported(where, fmt::format("it does not read {}", type));
  out_.begin_object().key(format->block).begin_object().member("format", format->name);
  if (format->block == "document") out_.member("name", document_name(part.filename, ++documents_));
  out_.key("source");
  source(part.data, part.url);
  out_.end_object(part.extra, where + ".extra").end_object();
  cache_point(part.cache, where);
}

void BedrockMessages::source(std::string_view data, std::string_view url) {
  out_.begin_object();
  if (!data.empty()) {
    out_.key("bytes").base64("", data);
  } else if (const std::optional<DataUrl> inside = read_data_url(url)) {
    out_.member("bytes", inside->base64);
  } else {
    out_.key("s3Location").begin_object().member("uri", url).end_object();
  }
  out_.end_object();
}

void BedrockMessages::reasoning(const ReasoningPart& part, const std::string& where) {
  if (part.encrypted.empty() && part.signature.empty()) {
    // Models here take back what they sealed and refuse the rest, which says nothing to the next turn anyway.
    return check_.left_out(where, "bedrock takes only thoughts that are signed");
  }
  out_.begin_object().key("reasoningContent").begin_object();
  if (!part.encrypted.empty()) {
    out_.member("redactedContent", part.encrypted);
  } else {
    out_.key("reasoningText").begin_object().member("text", part.text).member("signature", part.signature).end_object();
  }
  out_.end_object().end_object();
}

void BedrockMessages::tool_uses(const Message& message, const std::string& where, bool server) {
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    if ((message.tool_calls[i].type == kServerTool) != server) continue;
    tool_use(message.tool_calls[i], fmt::format("{}.tool_calls[{}]", where, i));
  }
}

void BedrockMessages::tool_use(const ToolCall& call, const std::string& where) {
  const bool server = call.type == kServerTool;
  if (!server && !call.type.empty() && call.type != "function") check_.unsupported(where + ".type", call.type);
  out_.begin_object().key("toolUse").begin_object();
  if (server) out_.member("type", call.type);
  out_.member("toolUseId", call.id).member("name", call.name).key("input");
  if (call.arguments.find_first_not_of(" \t\r\n") == std::string::npos) {
    out_.begin_object().end_object();
  } else {
    out_.raw(call.arguments, where + ".arguments");
  }
  out_.end_object(call.extra, where + ".extra").end_object();
}

void BedrockMessages::tool_result(const PlacedMessage& placed) {
  const Message& message = *placed.message;
  const std::string where = at(placed.place);
  if (message.tool_call_id.empty()) check_.invalid(where + ".tool_call_id: a tool's result needs the id of its call");
  out_.begin_object().key("toolResult").begin_object().member("toolUseId", message.tool_call_id);
  out_.key("content").begin_array();
  parts(message, where + ".content");
  out_.end_array();
  if (message.failed) out_.member("status", "error");
  out_.end_object(message.extra, where + ".extra").end_object();
}

void BedrockMessages::cache_point(const std::optional<CacheBreakpoint>& cache, const std::string& where) {
  if (!cache) return;
  // https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
  const bool hour = cache->ttl == seconds(3600);
  if (!hour && cache->ttl != seconds(300)) {
    return check_.unsupported(where + ".cache.ttl", "it caches for 300 or 3600 seconds");
  }
  out_.begin_object().key("cachePoint").begin_object().member("type", "default");
  if (hour) out_.member("ttl", "1h");
  out_.end_object().end_object();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
