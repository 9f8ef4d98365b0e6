#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "providers/openai_encode.hpp"
#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// Parts that models write and no provider takes back. They belong to the text they stand by, so that it goes on
/// without them.
bool output_only(std::string_view json) {
  constexpr std::array<std::string_view, 8> kTypes = {"url_citation", "file_citation", "file_path",        "audio",
                                                      "image_url",    "TEXT_CONTENT",  "THINKING_CONTENT", "PLAN"};
  JsonDoc doc;
  return doc.parse(json) && std::find(kTypes.begin(), kTypes.end(), doc.root()["type"].string()) != kTypes.end();
}

class MessageWriter {
 public:
  MessageWriter(const OpenAiWriting& how, JsonWriter& out, RequestCheck& check)
      : quirks_(how.preset.openai), out_(out), check_(check) {}

  /// `resumed`: the message is an answer that broke off, to be gone on with.
  void write(const Message& message, std::size_t place, bool resumed) {
    place_ = place;
    refuse_foreign_thoughts(message);
    out_.begin_object().member("role", role(message.role));
    write_content(message);
    if (message.role == Role::assistant) write_thoughts(message);
    if (!message.name.empty()) out_.member("name", std::string_view(message.name));
    if (!message.tool_call_id.empty()) out_.member("tool_call_id", std::string_view(call_id(message.tool_call_id)));
    if (!message.tool_calls.empty()) write_tool_calls(message.tool_calls);
    if (resumed && quirks_.resume.way == ResumeStyle::Way::prefix) out_.member("prefix", true);
    if (resumed && quirks_.resume.way == ResumeStyle::Way::partial) out_.member("partial", true);
    end_object(message.extra, [this] { return where() + ".extra"; });
    if (const std::string& fault = out_.fault(); !fault.empty() && !fault.starts_with(where())) {
      check_.invalid(fmt::format("{}: {}", where(), fault));
    }
  }

 private:
  std::string where() const { return fmt::format("messages[{}]", place_); }

  /// `what` names the extra members in a fault, and is made only where there are some.
  template <class What>
  void end_object(std::string_view extra, const What& what) {
    if (extra.empty()) {
      out_.end_object();
    } else {
      out_.end_object(extra, what());
    }
  }

  std::string_view role(Role role) const {
    return role == Role::developer && !quirks_.developer_role ? to_string(Role::system) : to_string(role);
  }

  void refuse_foreign_thoughts(const Message& message) {
    if (message.role == Role::assistant) return;
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      if (!std::holds_alternative<ReasoningPart>(message.content[i])) continue;
      check_.unsupported(fmt::format("{}.content[{}]", where(), i), "only the assistant's messages hold thoughts");
    }
  }

  bool sent(const Part& part, Role role) const {
    if (std::holds_alternative<ReasoningPart>(part)) {
      return role == Role::assistant && quirks_.echo == ThoughtEcho::thinking;
    }
    if (const auto* raw = std::get_if<RawPart>(&part)) return role != Role::assistant || !output_only(raw->json);
    return true;
  }

  /// Another provider's id, for one that takes its own form only: the same each time, so that a result finds its call.
  std::string call_id(const std::string& id) const {
    constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    constexpr std::size_t kLength = 9;
    const bool fits = id.size() == kLength && id.find_first_not_of(kDigits) == std::string::npos;
    if (!quirks_.short_call_ids || fits || id.empty()) return id;
    std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    std::string made(kLength, '0');
    for (char& c : made) {
      c = kDigits[hash % kDigits.size()];
      hash /= kDigits.size();
    }
    return made;
  }

  static bool plain(const Part& part, bool cache_control) {
    const auto* text = std::get_if<TextPart>(&part);
    return text != nullptr && text->extra.empty() && !(text->cache && cache_control);
  }

  void write_content(const Message& message) {
    if (message.content.size() == 1 && plain(message.content.front(), quirks_.cache_control)) {
      out_.member("content", std::string_view(std::get<TextPart>(message.content.front()).text));
      return;
    }
    std::vector<const Part*> parts;
    for (const Part& part : message.content) {
      if (sent(part, message.role)) parts.push_back(&part);
    }
    out_.key("content");
    if (parts.empty()) {
      // Servers differ on whether a message that only calls tools has null or "" here; null is what OpenAI gives.
      if (message.role == Role::assistant && !message.tool_calls.empty()) {
        out_.null();
      } else {
        out_.string("");
      }
      return;
    }
    const bool all_plain = std::all_of(parts.begin(), parts.end(),
                                       [this](const Part* part) { return plain(*part, quirks_.cache_control); });
    // One text is a string, which every server takes. So are texts that something not sent has parted.
    if (all_plain && (parts.size() == 1 || parts.size() < message.content.size())) {
      std::string whole;
      for (const Part* part : parts) whole += std::get<TextPart>(*part).text;
      out_.string(whole);
      return;
    }
    out_.begin_array();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      part_ = fmt::format("{}.content[{}]", where(), i);
      std::visit([this](const auto& part) { write_part(part); }, *parts[i]);
    }
    out_.end_array();
  }

  void end_part(std::string_view extra) {
    end_object(extra, [this] { return part_ + ".extra"; });
  }

  void write_cache(const std::optional<CacheBreakpoint>& cache) {
    if (!cache || !quirks_.cache_control) return;
    out_.key("cache_control").begin_object().member("type", "ephemeral");
    if (cache->ttl >= std::chrono::hours(1)) out_.member("ttl", "1h");
    out_.end_object();
  }

  void write_part(const TextPart& part) {
    out_.begin_object().member("type", "text").member("text", std::string_view(part.text));
    write_cache(part.cache);
    end_part(part.extra);
  }

  void write_part(const ImagePart& part) {
    out_.begin_object().member("type", "image_url").key("image_url").begin_object().key("url");
    if (!part.url.empty()) {
      out_.string(part.url);
    } else if (part.media_type.empty()) {
      check_.invalid(part_ + ".media_type: an image given as bytes needs one, such as image/png");
      out_.null();
    } else {
      out_.base64("data:" + part.media_type + ";base64,", part.data);
    }
    if (!part.detail.empty()) out_.member("detail", std::string_view(part.detail));
    out_.end_object();
    write_cache(part.cache);
    end_part(part.extra);
  }

  void write_part(const AudioPart& part) {
    if (part.url.empty()) {
      out_.begin_object().member("type", "input_audio").key("input_audio").begin_object();
      out_.key("data").base64("", part.data);
      if (!part.format.empty()) out_.member("format", std::string_view(part.format));
      out_.end_object();
    } else if (quirks_.audio_url.empty()) {
      check_.unsupported(part_ + ".url", "it takes audio as bytes only");
      return;
    } else {
      out_.begin_object().member("type", quirks_.audio_url).key(quirks_.audio_url).begin_object();
      out_.member("url", std::string_view(part.url)).end_object();
    }
    end_part(part.extra);
  }

  void write_part(const FilePart& part) {
    if (part.id.empty() && part.data.empty() && quirks_.file_url.empty()) {
      check_.unsupported(part_ + ".url", "it takes files as bytes or by id only");
      return;
    }
    out_.begin_object();
    if (!part.url.empty() && quirks_.file_url != "file") {
      out_.member("type", quirks_.file_url).member(quirks_.file_url, std::string_view(part.url));
    } else {
      write_file(part);
    }
    write_cache(part.cache);
    end_part(part.extra);
  }

  void write_file(const FilePart& part) {
    out_.member("type", "file").key("file").begin_object();
    if (!part.id.empty()) {
      out_.member("file_id", std::string_view(part.id));
    } else if (!part.url.empty()) {
      out_.member("file_data", std::string_view(part.url));
    } else {
      const std::string type = part.media_type.empty() ? "application/octet-stream" : part.media_type;
      out_.key("file_data").base64("data:" + type + ";base64,", part.data);
    }
    if (!part.filename.empty()) out_.member("filename", std::string_view(part.filename));
    out_.end_object();
  }

  void write_part(const ReasoningPart& part) {
    out_.begin_object().member("type", "thinking").key("thinking").begin_array().begin_object();
    out_.member("type", "text").member("text", std::string_view(part.text)).end_object().end_array();
    if (!part.signature.empty()) out_.member("signature", std::string_view(part.signature));
    out_.end_object();
  }

  void write_part(const RefusalPart& part) {
    out_.begin_object().member("type", "refusal").member("refusal", std::string_view(part.text)).end_object();
  }

  void write_part(const RawPart& part) { out_.raw(part.json, part_ + ".json"); }

  void write_thoughts(const Message& message) {
    std::vector<const ReasoningPart*> thoughts;
    for (const Part& part : message.content) {
      if (const auto* thought = std::get_if<ReasoningPart>(&part)) thoughts.push_back(thought);
    }
    if (thoughts.empty()) return;
    if (quirks_.echo == ThoughtEcho::details) {
      out_.key("reasoning_details").begin_array();
      for (const ReasoningPart* thought : thoughts) write_detail(*thought);
      out_.end_array();
    } else if (quirks_.echo == ThoughtEcho::reasoning || quirks_.echo == ThoughtEcho::reasoning_content) {
      std::string whole;
      for (const ReasoningPart* thought : thoughts) whole += thought->text;
      out_.member(quirks_.echo == ThoughtEcho::reasoning ? "reasoning" : "reasoning_content", std::string_view(whole));
    }
  }

  /// https://openrouter.ai/docs/use-cases/reasoning-tokens
  void write_detail(const ReasoningPart& thought) {
    if (!thought.text.empty() || !thought.signature.empty()) {
      out_.begin_object().member("type", "reasoning.text").member("text", std::string_view(thought.text));
      if (!thought.signature.empty()) out_.member("signature", std::string_view(thought.signature));
      if (!thought.id.empty()) out_.member("id", std::string_view(thought.id));
      out_.end_object();
    }
    if (thought.encrypted.empty()) return;
    out_.begin_object().member("type", "reasoning.encrypted").member("data", std::string_view(thought.encrypted));
    if (!thought.id.empty()) out_.member("id", std::string_view(thought.id));
    out_.end_object();
  }

  void write_tool_calls(const std::vector<ToolCall>& calls) {
    if (calls.size() == 1 && calls.front().type == "function_call") {
      out_.key("function_call").begin_object().member("name", std::string_view(calls.front().name));
      out_.member("arguments", std::string_view(calls.front().arguments)).end_object();
      return;
    }
    out_.key("tool_calls").begin_array();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const ToolCall& call = calls[i];
      const std::string_view type = call.type.empty() ? std::string_view("function") : std::string_view(call.type);
      const bool function = type == "function";
      out_.begin_object().member("id", std::string_view(call_id(call.id))).member("type", type);
      out_.key(type).begin_object().member("name", std::string_view(call.name));
      // A model that calls without arguments often gives "", which servers' own templates do not read as JSON.
      const std::string_view arguments = function && call.arguments.empty() ? "{}" : std::string_view(call.arguments);
      out_.member(function ? "arguments" : "input", arguments).end_object();
      if (!call.signature.empty()) {
        out_.key("extra_content").begin_object().key("google").begin_object();
        out_.member("thought_signature", std::string_view(call.signature)).end_object().end_object();
      }
      end_object(call.extra, [&] { return fmt::format("{}.tool_calls[{}].extra", where(), i); });
    }
    out_.end_array();
  }

  const OpenAiQuirks& quirks_;
  JsonWriter& out_;
  RequestCheck& check_;
  std::size_t place_ = 0;
  std::string part_{};
};

}  // namespace

void write_openai_messages(const std::vector<Message>& messages, const OpenAiWriting& how, JsonWriter& out,
                           RequestCheck& check) {
  out.key("messages").begin_array();
  MessageWriter writer(how, out, check);
  for (std::size_t i = 0; i < messages.size(); ++i)
    writer.write(messages[i], i, how.target.resume && i + 1 == messages.size());
  out.end_array();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
