#include "integration/request_fields.hpp"

#include <string>
#include <utility>

namespace keywheel::testing {
namespace {

// A member that is added does not compile here: whoever adds one gives it a row below.
[[maybe_unused]] void every_member(const ChatRequest& r, const Message& m, const Tool& t, const ToolCall& c) {
  [[maybe_unused]] const auto& [model, messages, tools, tool_choice, parallel_tool_calls, response_format, max_tokens,
                                temperature, top_p, top_k, stop, seed, presence_penalty, frequency_penalty, logit_bias,
                                logprobs, top_logprobs, n, reasoning_effort, reasoning_tokens, user, metadata,
                                service_tier, extra, headers,
                                // not sent, from here on
                                session, tenant, region, rotation, deadline, max_attempts, hedge, resume, max_cost,
                                on_unsupported, keep_raw] = r;
  [[maybe_unused]] const auto& [role, content, calls, call_id, name, failed, message_extra] = m;
  [[maybe_unused]] const auto& [tool, description, parameters, strict, cache, raw] = t;
  [[maybe_unused]] const auto& [id, function, arguments, signature, type, call_extra] = c;
}
[[maybe_unused]] void every_member(const ToolChoice& c, const ResponseFormat& f, const TextPart& t, const ImagePart& i,
                                   const AudioPart& a, const FilePart& p, const ReasoningPart& r) {
  [[maybe_unused]] const auto& [mode, choice_name, raw] = c;
  [[maybe_unused]] const auto& [type, name, description, schema, strict] = f;
  [[maybe_unused]] const auto& [text, text_cache, text_extra] = t;
  [[maybe_unused]] const auto& [image_url, image_data, image_type, detail, image_cache, image_extra] = i;
  [[maybe_unused]] const auto& [audio_data, format, audio_url, audio_extra] = a;
  [[maybe_unused]] const auto& [file_data, file_url, file_id, filename, file_type, file_cache, file_extra] = p;
  [[maybe_unused]] const auto& [thought, signature, encrypted, thought_id] = r;
}

using Change = RequestField::Change;
using Fields = std::vector<RequestField>;
using Mode = ToolChoice::Mode;

constexpr const char* kSchema = R"({"type":"object","properties":{"mark_property":{"type":"string"}}})";
constexpr const char* kExtra = R"({"mark_extra":"mark-value"})";
constexpr const char* kRaw = R"({"type":"mark_part"})";
constexpr std::string_view kBytes = "bWFyay1ieXRlcw";  // of "mark-bytes", in base64
constexpr std::string_view kSealed = "bWFyaw==";

// Who carries whose thoughts back, and who has a word for a function that failed.
constexpr std::string_view kThinkers =
    "claude anthropic gemini vertexai bedrock openrouter minimax huoshan zhipu ollama cerebras fireworks groq llamacpp "
    "mistral moonshot";
constexpr std::string_view kSealers = "claude anthropic gemini vertexai bedrock openrouter minimax mistral";
constexpr std::string_view kFailures = "claude anthropic gemini vertexai bedrock";

void with_tool(ChatRequest& r) {
  r.tools = {{.name = "mark_tool", .parameters = R"({"type":"object","properties":{"a":{"type":"string"}}})"}};
}
void with_call(ChatRequest& r) {
  with_tool(r);
  r.messages = {user("hello"), assistant("", {{.id = "call-1", .name = "mark_tool", .arguments = R"({"a":"b"})"}}),
                tool_result("call-1", "done")};
}
void with_answer(ChatRequest& r) { r.messages = {user("hello"), assistant("Hi"), user("so")}; }
void with_prompt(ChatRequest& r) { r.messages.insert(r.messages.begin(), keywheel::system("Be brief.")); }
void with_texts(ChatRequest& r) { r.messages = {user({text("look"), text("here")})}; }
void with_image(ChatRequest& r) { r.messages = {user({text("look"), image_bytes("bytes", "image/png")})}; }
void with_file(ChatRequest& r) {
  r.messages = {user({text("look"), FilePart{.data = "%PDF", .filename = "f.pdf", .media_type = "application/pdf"}})};
}
void with_schema(ChatRequest& r) {
  r.response_format = ResponseFormat{
      .type = ResponseFormat::Type::json_schema, .name = "answer", .schema = R"({"type":"object","properties":{}})"};
}

/// Puts a part behind those of a message, or before them.
Change add(std::size_t message, Part part) {
  return [=](ChatRequest& r) { r.messages[message].content.push_back(part); };
}
Change put_first(std::size_t message, Part part) {
  return [=](ChatRequest& r) {
    std::vector<Part>& content = r.messages[message].content;
    content.insert(content.begin(), part);
  };
}

/// Changes the last part of the first message, which is a `Kind`.
template <class Kind, class Do>
Change change(Do how) {
  return [how](ChatRequest& r) { how(std::get<Kind>(r.messages[0].content.back())); };
}

Change message_extra(std::size_t message) {
  return [message](ChatRequest& r) { r.messages[message].extra = kExtra; };
}
Change message_name(std::size_t message) {
  return [message](ChatRequest& r) { r.messages[message].name = "mark-name"; };
}
Change choose(ToolChoice choice) {
  return [choice = std::move(choice)](ChatRequest& r) { r.tool_choice = choice; };
}
Change call(void (*how)(ToolCall&)) {
  return [how](ChatRequest& r) { how(r.messages[1].tool_calls[0]); };
}

Fields settings() {
  return {
      {"max_tokens", "max_tokens", "4321", [](ChatRequest& r) { r.max_tokens = 4321; }},
      {"temperature", "temperature", "0.4375", [](ChatRequest& r) { r.temperature = 0.4375; }},
      {"top_p", "top_p", "0.8125", [](ChatRequest& r) { r.top_p = 0.8125; }},
      {"top_k", "top_k", "37", [](ChatRequest& r) { r.top_k = 37; }},
      {"stop", "stop", "mark-stop",
       [](ChatRequest& r) {
         r.stop = {"one", "mark-stop"};
       }},
      {"seed", "seed", "98765", [](ChatRequest& r) { r.seed = 98765; }},
      {"presence_penalty", "presence_penalty", "0.375", [](ChatRequest& r) { r.presence_penalty = 0.375; }},
      {"frequency_penalty", "frequency_penalty", "0.625", [](ChatRequest& r) { r.frequency_penalty = 0.625; }},
      {"logit_bias", "logit_bias", "-7.5", [](ChatRequest& r) { r.logit_bias["50256"] = -7.5; }},
      {"logprobs", "logprobs", "", [](ChatRequest& r) { r.logprobs = true; }},
      {"top_logprobs", "logprobs", ":31", [](ChatRequest& r) { r.top_logprobs = 31; }},
      {"n", "n", ":29", [](ChatRequest& r) { r.n = 29; }},
      {"reasoning_effort", "reasoning_effort", "", [](ChatRequest& r) { r.reasoning_effort = "low"; }},
      {"reasoning_effort, much", "reasoning_effort", "", [](ChatRequest& r) { r.reasoning_effort = "high"; }},
      {"reasoning_tokens", "reasoning_tokens", "2345", [](ChatRequest& r) { r.reasoning_tokens = 2345; }},
      {"user", "user", "mark-user", [](ChatRequest& r) { r.user = "mark-user"; }},
      {"metadata", "metadata", "mark-value", [](ChatRequest& r) { r.metadata["mark_key"] = "mark-value"; }},
      {"metadata beside user", "metadata", "mark-value", [](ChatRequest& r) { r.metadata["user_id"] = "mark-value"; },
       [](ChatRequest& r) { r.user = "me"; }},
      {"service_tier", "service_tier", "flex", [](ChatRequest& r) { r.service_tier = "flex"; }},
      {"extra", "extra", "mark-value", [](ChatRequest& r) { r.extra = kExtra; }},
      {"headers", "headers", "mark-value", [](ChatRequest& r) { r.headers["x-mark"] = "mark-value"; }},
      {"JSON", "response_format", "",
       [](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object}; }},
      {"JSON by schema", "response_format", "mark_property",
       [](ChatRequest& r) {
         with_schema(r);
         r.response_format->schema = kSchema;
       }},
      {"schema's name", "response_format", "mark_name", [](ChatRequest& r) { r.response_format->name = "mark_name"; },
       with_schema, "openai azure bedrock dashscope"},
      {"schema's description", "response_format", "mark-word",
       [](ChatRequest& r) { r.response_format->description = "mark-word"; }, with_schema},
      // Where a schema always holds, `strict` is true without a word.
      {"schema strict", "response_format", "", [](ChatRequest& r) { r.response_format->strict = true; }, with_schema,
       "openai azure dashscope"},
      {"schema not strict", "response_format", "", [](ChatRequest& r) { r.response_format->strict = false; },
       with_schema},
  };
}

Fields tools() {
  return {
      {"tool", "tools", "mark_tool", with_tool},
      {"tool's description", "tools", "mark-word", [](ChatRequest& r) { r.tools[0].description = "mark-word"; },
       with_tool},
      {"tool's parameters", "tools", "mark_property", [](ChatRequest& r) { r.tools[0].parameters = kSchema; },
       with_tool},
      {"tool strict", "strict", "", [](ChatRequest& r) { r.tools[0].strict = true; }, with_tool},
      // The same as nothing where there is no strictness.
      {"tool not strict", "strict", "", [](ChatRequest& r) { r.tools[0].strict = false; }, with_tool, "claude azure"},
      {"tool's cache", "cache", "", [](ChatRequest& r) { r.tools[0].cache = CacheBreakpoint{}; }, with_tool,
       "claude bedrock openrouter"},
      {"raw tool", "tools", "mark_part", [](ChatRequest& r) { r.tools.push_back({.raw = kRaw}); }, with_tool},
      {"no tool", "tool_choice", "", choose({.mode = Mode::none}), with_tool},
      {"any tool", "tool_choice", "", choose({.mode = Mode::required}), with_tool},
      {"any of no tools", "tool_choice", "", choose({.mode = Mode::required})},
      {"one tool", "tool_choice", "", choose({.mode = Mode::function, .name = "mark_tool"}), with_tool},
      {"raw tool_choice", "tool_choice", "mark_part", choose({.raw = kRaw}), with_tool},
      {"one call at a time", "parallel_tool_calls", "", [](ChatRequest& r) { r.parallel_tool_calls = false; },
       with_tool},
      // A leave that most need not be given.
      {"several calls", "parallel_tool_calls", "", [](ChatRequest& r) { r.parallel_tool_calls = true; }, with_tool,
       "openai azure dashscope"},
      {"call's id", "tool_calls", "mark-id",
       [](ChatRequest& r) { r.messages[1].tool_calls[0].id = r.messages[2].tool_call_id = "mark-id"; }, with_call,
       "openai claude gemini bedrock cohere ollama dashscope hunyuan"},
      {"call's arguments", "tool_calls", "mark-value", call([](ToolCall& c) { c.arguments = R"({"a":"mark-value"})"; }),
       with_call},
      {"text beside a call", "messages[1]", "mark-text", add(1, text("mark-text")), with_call},
      {"call's seal", "tool_calls", kSealed, call([](ToolCall& c) { c.signature = kSealed; }), with_call,
       "gemini vertexai openrouter"},
      {"kind of call", "messages[1].tool_calls[0].type", "mark_type", call([](ToolCall& c) { c.type = "mark_type"; }),
       with_call},
      {"call's extra", "messages[1].tool_calls[0].extra", "mark-value", call([](ToolCall& c) { c.extra = kExtra; }),
       with_call},
      {"result", "messages[2]", "mark-text", add(2, text("mark-text")), with_call},
      {"result's image", "messages[2].content[1]", kBytes, add(2, image_bytes("mark-bytes", "image/png")), with_call},
      {"result's raw part", "messages[2].content[1]", "mark_part", add(2, RawPart{kRaw}), with_call},
      // Its id says as much where names are not asked for.
      {"result's name", "messages[2].name", "mark-name", message_name(2), with_call, "gemini vertexai qianfan ollama"},
      {"result failed", "messages[2].failed", "", [](ChatRequest& r) { r.messages[2].failed = true; }, with_call,
       kFailures},
      {"result's extra", "messages[2].extra", "mark-value", message_extra(2), with_call},
      {"calls of the user", "messages[0].tool_calls", "mark_tool",
       [](ChatRequest& r) { r.messages[0].tool_calls = {{.id = "call-1", .name = "mark_tool"}}; }},
      {"result of the user", "messages[0].tool_call_id", "",
       [](ChatRequest& r) { r.messages[0].tool_call_id = "call-1"; }},
  };
}

Fields messages() {
  const auto insert = [](std::size_t place, const Message& message) -> Change {
    return [=](ChatRequest& r) { r.messages.insert(r.messages.begin() + static_cast<std::ptrdiff_t>(place), message); };
  };
  return {
      {"prompt", "messages[0]", "mark-text", insert(0, keywheel::system("mark-text"))},
      {"developer's prompt", "messages[0]", "mark-text", insert(0, developer("mark-text"))},
      {"second prompt", "messages[1]", "mark-text", insert(1, keywheel::system("mark-text")), with_prompt},
      {"later prompt", "messages[2]", "mark-text", insert(2, keywheel::system("mark-text")), with_answer},
      {"earlier question", "messages[0]", "mark-text", insert(0, user("mark-text")), with_answer},
      {"earlier answer", "messages[1]", "mark-text", add(1, text("mark-text")), with_answer},
      {"question before a question", "messages[0]", "mark-text", insert(0, user("mark-text"))},
      {"name", "messages[0].name", "mark-name", message_name(0)},
      {"assistant's name", "messages[1].name", "mark-name", message_name(1), with_answer},
      {"prompt's name", "messages[0].name", "mark-name", message_name(0), with_prompt},
      {"message's extra", "messages[0].extra", "mark-value", message_extra(0)},
      {"second message's extra", "messages[1].extra", "mark-value", message_extra(1), insert(0, user("one"))},
      {"prompt's extra", "messages[0].extra", "mark-value", message_extra(0), with_prompt},
      {"answer's extra", "messages[1].extra", "mark-value", message_extra(1), with_answer},
      {"call's message's extra", "messages[1].extra", "mark-value", message_extra(1), with_call},
      {"extra behind a result", "messages[3].extra", "mark-value", message_extra(3),
       [](ChatRequest& r) {
         with_call(r);
         r.messages.push_back(user("and"));
       }},
      {"thought", "messages[1].content[0]", "mark-text", put_first(1, ReasoningPart{.text = "mark-text"}), with_answer,
       "gemini openrouter minimax huoshan zhipu ollama cerebras fireworks groq llamacpp mistral moonshot"},
      {"sealed thought", "messages[1].content[0]", "mark-text",
       put_first(1, ReasoningPart{.text = "mark-text", .signature = std::string(kSealed)}), with_answer, kThinkers},
      {"thought's seal", "messages[1].content[0]", kSealed,
       put_first(1, ReasoningPart{.text = "thought", .signature = std::string(kSealed)}), with_answer, kSealers},
      {"hidden thought", "messages[1].content[0]", kSealed,
       put_first(1, ReasoningPart{.encrypted = std::string(kSealed)}), with_answer,
       "claude bedrock openrouter minimax"},
      {"hidden thought with an id", "messages[1].content[0]", kSealed,
       put_first(1, ReasoningPart{.encrypted = std::string(kSealed), .id = "rs_1"}), with_answer, "responses"},
      {"thought's id", "messages[1].content[0]", "mark-id",
       put_first(1, ReasoningPart{.encrypted = std::string(kSealed), .id = "mark-id"}), with_answer, "openrouter"},
      {"thought of the user", "messages[0].content[0]", "mark-text", put_first(0, ReasoningPart{.text = "mark-text"})},
      {"refusal", "messages[1].content[0]", "mark-text", put_first(1, RefusalPart{.text = "mark-text"}), with_answer},
      {"answer's image", "messages[1].content[1]", kBytes, add(1, image_bytes("mark-bytes", "image/png")), with_answer},
      {"answer's raw part", "messages[1].content[1]", "mark_part", add(1, RawPart{kRaw}), with_answer},
      {"prompt's image", "messages[0].content[1]", kBytes, add(0, image_bytes("mark-bytes", "image/png")), with_prompt},
      {"prompt's raw part", "messages[0].content[1]", "mark_part", add(0, RawPart{kRaw}), with_prompt},
      {"prompt's cache", "cache", "", change<TextPart>([](TextPart& p) { p.cache = CacheBreakpoint{}; }), with_prompt,
       "claude bedrock openrouter"},
      {"prompt's text's extra", "messages[0].content[0].extra", "mark-value",
       change<TextPart>([](TextPart& p) { p.extra = kExtra; }), with_prompt},
  };
}

Fields parts() {
  const auto audio = [](AudioPart part) { return add(0, std::move(part)); };
  const auto file = [](FilePart part) { return add(0, std::move(part)); };
  constexpr std::string_view kWhere = "messages[0].content[1]";
  constexpr std::string_view kWhereExtra = "messages[0].content[1].extra";
  return {
      {"second text", kWhere, "mark-text", add(0, text("mark-text"))},
      {"text's cache", "cache", "", change<TextPart>([](TextPart& p) { p.cache = CacheBreakpoint{}; }), with_texts,
       "claude bedrock openrouter"},
      {"text's extra", kWhereExtra, "mark-value", change<TextPart>([](TextPart& p) { p.extra = kExtra; }), with_texts},
      {"raw part", kWhere, "mark_part", add(0, RawPart{kRaw})},
      {"image", kWhere, kBytes, add(0, image_bytes("mark-bytes", "image/png"))},
      {"image by URL", kWhere, "mark.test", add(0, image_url("https://mark.test/a.png"))},
      // Ollama tells images by their bytes.
      {"image's type", kWhere, "webp", change<ImagePart>([](ImagePart& p) { p.media_type = "image/webp"; }), with_image,
       "openai azure claude gemini vertexai bedrock cohere dashscope hunyuan"},
      {"image's detail", "detail", "", change<ImagePart>([](ImagePart& p) { p.detail = "low"; }), with_image},
      {"image's cache", "cache", "", change<ImagePart>([](ImagePart& p) { p.cache = CacheBreakpoint{}; }), with_image,
       "claude bedrock openrouter"},
      {"image's extra", kWhereExtra, "mark-value", change<ImagePart>([](ImagePart& p) { p.extra = kExtra; }),
       with_image},
      {"audio", kWhere, kBytes, audio({.data = "mark-bytes", .format = "wav"})},
      {"audio by URL", kWhere, "mark.test", audio({.format = "wav", .url = "https://mark.test/a.wav"})},
      {"audio's format", kWhere, "flac", audio({.data = "bytes", .format = "flac"})},
      {"audio's extra", kWhere, "mark-value", audio({.data = "bytes", .format = "wav", .extra = kExtra})},
      {"file", kWhere, kBytes, file({.data = "mark-bytes", .filename = "f.pdf", .media_type = "application/pdf"})},
      {"text file", kWhere, "", file({.data = "mark-bytes", .filename = "f.txt", .media_type = "text/plain"})},
      {"file by URL", kWhere, "mark.test", file({.url = "https://mark.test/a.pdf", .media_type = "application/pdf"})},
      {"file by id", kWhere, "mark-id", file({.id = "mark-id"})},
      {"file's name", "filename", "mark-name", change<FilePart>([](FilePart& p) { p.filename = "mark-name.pdf"; }),
       with_file},
      {"file's type", kWhere, "", change<FilePart>([](FilePart& p) { p.media_type = "text/csv"; }), with_file},
      {"file's cache", "cache", "", change<FilePart>([](FilePart& p) { p.cache = CacheBreakpoint{}; }), with_file,
       "claude bedrock openrouter"},
      {"file's extra", kWhereExtra, "mark-value", change<FilePart>([](FilePart& p) { p.extra = kExtra; }), with_file},
  };
}

}  // namespace

std::vector<RequestField> request_fields() {
  Fields all = settings();
  for (const auto more : {&tools, &messages, &parts}) {
    for (RequestField& field : more()) all.push_back(std::move(field));
  }
  return all;
}

}  // namespace keywheel::testing
