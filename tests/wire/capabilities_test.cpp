#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"
#include "wire/event_stream_frames.hpp"

/// What each provider's dialect says it can express, against what its encoder does, and against the README's table.

using namespace keywheel;

namespace {

struct Dialect {
  std::string_view provider;
  std::string_view api;
};

std::vector<Dialect> dialects() {
  std::vector<Dialect> all;
  for (const std::string_view name : detail::provider_names()) all.push_back({name, ""});
  all.push_back({"openai", "responses"});
  all.push_back({"azure", "responses"});
  all.push_back({"ollama", "native"});
  return all;
}

/// A credential with everything that some provider asks for.
CredentialConfig credential() {
  CredentialConfig c{.api_key = "key-for-tests", .id = "s#1"};
  for (const char* name : {"api_secret", "appid", "secret_id", "secret_key", "access_token", "project_id", "location",
                           "bot_id", "group_id", "app_id", "account_id"}) {
    c.fields[name] = std::string("value-of-") + name;
  }
  c.fields["region"] = "us-east-1";
  return c;
}

/// A service of a dialect, and what a call of it needs.
struct Try {
  explicit Try(const Dialect& dialect)
      : service{.provider = std::string(dialect.provider),
                .id = "s",
                .base_url = "https://host.test",
                .api = std::string(dialect.api)} {
    service.options = {{"account_id", "a"}, {"app_id", "a"}, {"bot_id", "b"}, {"region", "us-east-1"}};
  }
  [[nodiscard]] Target target() const {
    return {
        .service = service, .credential = key, .base_url = service.base_url, .model = "some-model", .token = "token"};
  }

  ServiceConfig service;
  CredentialConfig key = credential();
};

bool encodes(const Transport& transport, const Dialect& dialect, const ChatRequest& request) {
  const Try one(dialect);
  return transport.encode(request, one.target()).has_value();
}

ChatRequest plain() { return {.model = "some-model", .messages = {user("hello")}}; }

ChatRequest with(Part part) {
  return {.model = "some-model", .messages = {user(std::vector<Part>{text("look"), std::move(part)})}};
}

std::string row(const Dialect& dialect, const Capabilities& can) {
  const auto mark = [](bool yes) { return yes ? "yes" : "–"; };
  return fmt::format(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
      dialect.api.empty() ? std::string(dialect.provider) : fmt::format("{} ({})", dialect.provider, dialect.api),
      mark(can.tools), mark(can.parallel_tools), mark(can.images), mark(can.audio), mark(can.files),
      mark(can.json_schema), mark(can.reasoning), mark(can.usage_in_stream), mark(can.embeddings), mark(can.listing));
}

/// A streamed answer with a thought, where a model has them, that ends with counts, as a dialect's server sends it.
struct Stream {
  std::string_view provider;
  std::string_view api;
  std::string body;
};

std::string line(std::string_view json, std::string_view event = {}) {
  return (event.empty() ? std::string() : fmt::format("event: {}\n", event)) + fmt::format("data: {}\n\n", json);
}

const std::vector<Stream>& streams() {
  using keywheel::testing::event_frame;
  const std::string anthropic =
      line(R"({"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1}}})", "message_start") +
      line(R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"hm"}})",
           "content_block_start") +
      line(R"({"type":"content_block_stop","index":0})", "content_block_stop") +
      line(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}})",
           "message_delta") +
      line(R"({"type":"message_stop"})", "message_stop");
  const std::string gemini =
      line(R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"x"}]},"finishReason":"STOP"}],)"
           R"("usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}})");
  const std::string responses =
      line(R"({"type":"response.reasoning_summary_text.delta","item_id":"rs","output_index":0,"delta":"hm"})",
           "response.reasoning_summary_text.delta") +
      line(R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[],)"
           R"("usage":{"input_tokens":1,"output_tokens":2}}})",
           "response.completed");
  static const std::vector<Stream> all = {
      {"claude", "", anthropic},
      {"anthropic", "", anthropic},
      {"gemini", "", gemini},
      {"vertexai", "", gemini},
      {"bedrock", "",
       event_frame("messageStart", R"({"role":"assistant"})") +
           event_frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}})") +
           event_frame("messageStop", R"({"stopReason":"end_turn"})") +
           event_frame("metadata", R"({"usage":{"inputTokens":1,"outputTokens":2}})")},
      {"openai", "responses", responses},
      {"azure", "responses", responses},
      {"dashscope", "native",
       line(R"({"output":{"choices":[{"message":{"content":"x","reasoning_content":"hm"},"finish_reason":"stop"}]},)"
            R"("usage":{"input_tokens":1,"output_tokens":2},"request_id":"r"})")},
      {"bailian", "app",
       line(R"({"output":{"text":"x","finish_reason":"stop","thoughts":[{"action_type":"reasoning","thought":"hm"}]},)"
            R"("request_id":"r",)"
            R"("usage":{"models":[{"model_id":"m","input_tokens":1,"output_tokens":2}]}})")},
      {"qianfan", "v1",
       line(R"({"id":"r","result":"x","is_end":true,"usage":{"prompt_tokens":1,"completion_tokens":2}})")},
      {"hunyuan", "native",
       line(R"({"Id":"r","Choices":[{"Delta":{"Content":"x","ReasoningContent":"hm"},"FinishReason":"stop"}],)"
            R"("Usage":{"PromptTokens":1,"CompletionTokens":2}})")},
      {"minimax", "pro",
       line(R"({"id":"r","choices":[{"messages":[{"text":"x"}],"finish_reason":"stop"}],"usage":{"total_tokens":3}})")},
      {"dify", "",
       line(R"({"event":"agent_thought","id":"t","thought":"hm"})") +
           line(R"({"event":"message_end","message_id":"r",)"
                R"("metadata":{"usage":{"prompt_tokens":1,"completion_tokens":2}}})")},
      {"coze", "",
       line(R"({"id":"m","role":"assistant","type":"answer","reasoning_content":"hm"})", "conversation.message.delta") +
           line(R"({"id":"r","conversation_id":"c","usage":{"input_count":1,"output_count":2,"token_count":3}})",
                "conversation.chat.completed")},
      {"cloudflare", "run",
       line(R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})") +
           line(R"({"response":"x","usage":{"prompt_tokens":1,"completion_tokens":2}})") + line("[DONE]")},
      {"cohere", "",
       line(R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}})") +
           line(
               R"({"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1}}}})")},
      {"ollama", "native",
       R"({"model":"m","message":{"content":"x","thinking":"hm"},"done":true,"prompt_eval_count":1,"eval_count":2})"},
  };
  return all;
}

/// The providers whose dialect is OpenAI's, or theirs by choice, under that name of it.
std::string_view compatible_api(std::string_view provider) {
  if (provider == "qianfan") return "v2";
  for (const std::string_view other : {"dashscope", "bailian", "hunyuan", "ollama"}) {
    if (provider == other) return "openai";
  }
  return "";
}

/// What came of a stream.
struct Heard {
  bool counts = false;
  bool thoughts = false;
};

/// A call for a stream, answered.
Heard hear(const Dialect& dialect, const std::string* body) {
  const auto transport = detail::make_transport(dialect.provider, dialect.api);
  ServiceConfig service{.provider = std::string(dialect.provider),
                        .id = "s",
                        .base_url = "https://host.test/v1",
                        .api = std::string(dialect.api)};
  service.options = {{"account_id", "a"}, {"app_id", "a"}, {"bot_id", "b"}};
  const CredentialConfig key = credential();
  const Target target{.service = service,
                      .credential = key,
                      .base_url = service.base_url,
                      .model = "some-model",
                      .stream = true,
                      .token = "token"};
  const auto asked = transport->encode(plain(), target);
  if (!asked) return {};
  // OpenAI's servers count in a stream where they are asked to; Mistral's always do.
  const bool asks = asked->body.find(R"("include_usage":true)") != std::string::npos || dialect.provider == "mistral";
  const std::string compatible =
      line(R"({"id":"r","choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]})") +
      line(R"({"id":"r","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]})") +
      (asks ? line(R"({"id":"r","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})") : std::string()) +
      line("[DONE]");
  struct Sink final : EventSink {
    void event(const ChatEvent& event) override {
      heard.counts = heard.counts || !event.usage.empty();
      heard.thoughts = heard.thoughts || event.reasoning() == "hm";
    }
    void extra(std::string_view /*name*/, std::string_view /*json*/) override {}
    Heard heard{};
  } sink;
  const auto decoder = transport->decoder({.status = 200}, target, {});
  const bool fed = !decoder->feed(body == nullptr ? compatible : *body, sink) && !decoder->finish(sink);
  CHECK(fed);
  return sink.heard;
}

}  // namespace

TEST_CASE("a stream counts tokens, and tells thoughts, where the dialect says so", "[capabilities]") {
  for (const Dialect& dialect : dialects()) {
    INFO(dialect.provider << " " << dialect.api);
    const Capabilities can = detail::make_transport(dialect.provider, dialect.api)->capabilities();
    std::vector<Heard> heard;
    bool own = false;
    for (const Stream& stream : streams()) {
      if (stream.provider != dialect.provider || (!dialect.api.empty() && stream.api != dialect.api)) continue;
      if (stream.api == "responses" && dialect.api.empty()) continue;
      own = own || stream.api == dialect.api;
      heard.push_back(hear({stream.provider, stream.api}, &stream.body));
    }
    if (!own) heard.push_back(hear({dialect.provider, compatible_api(dialect.provider)}, nullptr));
    for (const Heard& one : heard) CHECK(one.counts == can.usage_in_stream);
    // One that chooses between dialects by the entry promises what both can.
    const bool all = std::all_of(heard.begin(), heard.end(), [](const Heard& one) { return one.thoughts; });
    CHECK(all == can.reasoning);
  }
}

TEST_CASE("a dialect can do what it says, and no more", "[capabilities]") {
  for (const Dialect& dialect : dialects()) {
    INFO(dialect.provider << " " << dialect.api);
    const auto transport = detail::make_transport(dialect.provider, dialect.api);
    REQUIRE(transport);
    const Capabilities can = transport->capabilities();
    if (!encodes(*transport, dialect, plain())) continue;  // embeddings only

    // Two of them choose between dialects by the entry, and promise what both can.
    const bool either = dialect.provider == "minimax" || dialect.provider == "xinghuo";
    const auto as_said = [either](bool does, bool says) { return either ? does || !says : does == says; };

    ChatRequest request = plain();
    request.tools = {{.name = "f", .description = "does", .parameters = R"({"type":"object","properties":{}})"}};
    CHECK(as_said(encodes(*transport, dialect, request), can.tools));
    CHECK(as_said(encodes(*transport, dialect, with(image_bytes("\x89PNG", "image/png"))) ||
                      encodes(*transport, dialect, with(image_url("https://host.test/a.png"))),
                  can.images));
    CHECK(as_said(encodes(*transport, dialect, with(AudioPart{.data = "RIFF", .format = "wav"})) ||
                      encodes(*transport, dialect, with(AudioPart{.format = "wav", .url = "https://host.test/a.wav"})),
                  can.audio));
    CHECK(as_said(encodes(*transport, dialect,
                          with(FilePart{.data = "%PDF", .filename = "a.pdf", .media_type = "application/pdf"})) ||
                      encodes(*transport, dialect,
                              with(FilePart{.url = "https://host.test/a.pdf", .media_type = "application/pdf"})),
                  can.files));
    request = plain();
    request.tools = {{.name = "f"}};
    request.messages = {user("hello"), assistant("", {{.id = "1", .name = "f"}, {.id = "2", .name = "f"}}),
                        tool_result("1", "a"), tool_result("2", "b")};
    CHECK((encodes(*transport, dialect, request) || !can.parallel_tools));
    request = plain();
    request.response_format = {
        .type = ResponseFormat::Type::json_schema, .name = "answer", .schema = R"({"type":"object"})"};
    CHECK(as_said(encodes(*transport, dialect, request), can.json_schema));
  }
}

TEST_CASE("a dialect embeds and lists where it says so, and nowhere else", "[capabilities]") {
  for (const Dialect& dialect : dialects()) {
    INFO(dialect.provider << " " << dialect.api);
    const auto transport = detail::make_transport(dialect.provider, dialect.api);
    const Capabilities can = transport->capabilities();
    const Try one(dialect);
    const auto vectors = transport->encode_embedding({}, {"a"}, one.target());
    const auto models = transport->encode_listing(one.target());
    CHECK(vectors.has_value() == can.embeddings);
    CHECK(models.has_value() == can.listing);
    if (!vectors) CHECK(vectors.error().kind == ErrorKind::unsupported);
    if (!models) CHECK(models.error().kind == ErrorKind::unsupported);
  }
}

TEST_CASE("the README prints the capabilities as they are", "[capabilities]") {
  std::ifstream file(KEYWHEEL_README);
  std::stringstream text;
  text << file.rdbuf();
  std::string missing;
  for (const Dialect& dialect : dialects()) {
    const std::string line = row(dialect, detail::make_transport(dialect.provider, dialect.api)->capabilities());
    if (text.str().find(line) == std::string::npos) missing += line + "\n";
  }
  CHECK(missing.empty());
  if (!missing.empty()) WARN("rows that the README lacks:\n" << missing);
}
