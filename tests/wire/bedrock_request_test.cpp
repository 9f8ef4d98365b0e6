#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "wire/answer_script.hpp"

using namespace keywheel;
using keywheel::testing::DialectUnderTest;
using keywheel::testing::header;

namespace {

constexpr const char* kModel = "anthropic.claude-3-7-sonnet-20250219-v1:0";

DialectUnderTest bedrock() {
  DialectUnderTest dialect("bedrock");
  dialect.credential.fields = {{"access_key", "AKIDEXAMPLE"}, {"secret_key", "very-secret"}};
  dialect.credential.region = "us-east-1";
  return dialect;
}

ChatRequest hello() { return {.messages = {user("Hello")}}; }

constexpr std::string_view kHello = R"({"messages":[{"role":"user","content":[{"text":"Hello"}]}])";

/// What a request says beyond its messages: kHello's alone.
std::string rest(const ChatRequest& request, std::string_view model = kModel) {
  auto dialect = bedrock();
  const std::string body = dialect.body(request, model);
  return body.starts_with(kHello) ? body.substr(kHello.size()) : body;
}

std::string messages(const ChatRequest& request) {
  auto dialect = bedrock();
  return dialect.body(request, kModel);
}

}  // namespace

TEST_CASE("a request goes to its region's Converse, signed", "[bedrock]") {
  auto dialect = bedrock();
  auto sent = dialect.transport->encode(hello(), dialect.target(kModel));
  REQUIRE(sent);
  CHECK(sent->url ==
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse");
  CHECK(sent->body == std::string(kHello) + "}");
  CHECK(header(*sent, "X-Amz-Date") == "20261123T120000Z");
  CHECK(header(*sent, "Authorization")
            .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/bedrock/aws4_request, "
                         "SignedHeaders=accept;content-type;host;x-amz-date, Signature="));
  CHECK(header(*sent, "X-Amz-Security-Token").empty());

  dialect.credential.fields["session_token"] = "session";
  sent = dialect.transport->encode(hello(), dialect.target(kModel, true));
  REQUIRE(sent);
  CHECK(sent->url.ends_with("/converse-stream"));
  CHECK(header(*sent, "Accept") == "application/vnd.amazon.eventstream");
  CHECK(header(*sent, "X-Amz-Security-Token") == "session");
  for (const HttpHeader& h : sent->headers) CHECK(h.value.find("very-secret") == std::string::npos);
}

TEST_CASE("a Bedrock API key is a Bearer token, and nothing is signed", "[bedrock]") {
  DialectUnderTest dialect("bedrock");
  dialect.credential.api_key = "bedrock-api-key";
  dialect.service.options["region"] = "cn-north-1";
  const auto sent = dialect.transport->encode(hello(), dialect.target("amazon.nova-lite-v1:0"));
  REQUIRE(sent);
  CHECK(sent->url == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/amazon.nova-lite-v1%3A0/converse");
  CHECK(header(*sent, "Authorization") == "Bearer bedrock-api-key");
  CHECK(header(*sent, "X-Amz-Date").empty());
}

TEST_CASE("the region comes from the credential, the service or the host", "[bedrock]") {
  auto dialect = bedrock();
  const auto scope = [&dialect] {
    const auto sent = dialect.transport->encode(hello(), dialect.target(kModel));
    if (!sent) return sent.error().message;
    const std::string value(header(*sent, "Authorization"));
    const std::size_t begin = value.find("/20261123/") + 10;
    return value.substr(begin, value.find('/', begin) - begin) + ' ' + sent->url.substr(0, sent->url.find("/model"));
  };
  dialect.credential.fields["region"] = "eu-west-1";
  CHECK(scope() == "eu-west-1 https://bedrock-runtime.eu-west-1.amazonaws.com");
  dialect.credential.fields.erase("region");
  dialect.credential.region.clear();
  dialect.service.options["region"] = "ap-south-1";
  CHECK(scope() == "ap-south-1 https://bedrock-runtime.ap-south-1.amazonaws.com");
  dialect.service.options.clear();
  CHECK(scope() == "region: is missing (\"us-east-1\")");
  dialect.service.base_url = "https://bedrock-runtime.us-west-2.amazonaws.com/";
  CHECK(scope() == "us-west-2 https://bedrock-runtime.us-west-2.amazonaws.com");
  dialect.service.base_url = "https://bedrock-runtime-fips.us-west-2.amazonaws.com/model/x/converse";
  CHECK(scope() == "us-west-2 https://bedrock-runtime-fips.us-west-2.amazonaws.com");
  dialect.service.base_url = "http://127.0.0.1:8080/root";
  dialect.credential.region = "us-east-1";
  CHECK(scope() == "us-east-1 http://127.0.0.1:8080/root");
}

TEST_CASE("what a Bedrock entry lacks is named", "[bedrock]") {
  const auto dialect = bedrock();
  ServiceConfig service{.provider = "bedrock"};
  service.credentials = {{.api_key = "k", .region = "us-east-1"}};
  CHECK(dialect.transport->check(service).empty());
  service.credentials.push_back({.region = "us-east-1"});
  service.credentials.push_back({.fields = {{"access_key", "A"}}, .region = "us-east-1"});
  service.credentials.push_back({.api_key = "k"});
  service.options["guardrail_trace"] = "enabled";
  const auto faults = dialect.transport->check(service);
  REQUIRE(faults.size() == 4);
  CHECK(faults[0].starts_with("credentials[1]: fields.access_key"));
  CHECK(faults[1].starts_with("credentials[2].fields.secret_key"));
  CHECK(faults[2].starts_with("credentials[3].region"));
  CHECK(faults[3].starts_with("options.guardrail_trace"));
}

TEST_CASE("a conversation becomes turns of Converse's blocks", "[bedrock]") {
  Message failed = tool_result("c2", "no such city");
  failed.failed = true;
  const Message thinking{.role = Role::assistant,
                         .content = {ReasoningPart{.text = "Hm.", .signature = "sig"},
                                     ReasoningPart{.encrypted = "c2VhbA=="}, text("Let me look.")},
                         .tool_calls = {{.id = "c1", .name = "weather", .arguments = R"({"city":"Rome"})"},
                                        {.id = "c2", .name = "weather"}}};
  CHECK(messages({.messages = {keywheel::system("Be kind."), developer("Be brief."), user("Weather?"), thinking,
                               tool_result("c1", "sunny"), user("And?"), failed}}) ==
        R"({"system":[{"text":"Be kind."},{"text":"Be brief."}],)"
        R"("messages":[{"role":"user","content":[{"text":"Weather?"}]},{"role":"assistant","content":[)"
        R"({"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"sig"}}},)"
        R"({"reasoningContent":{"redactedContent":"c2VhbA=="}},{"text":"Let me look."},)"
        R"({"toolUse":{"toolUseId":"c1","name":"weather","input":{"city":"Rome"}}},)"
        R"({"toolUse":{"toolUseId":"c2","name":"weather","input":{}}}]},)"
        R"({"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"sunny"}]}},)"
        R"({"toolResult":{"toolUseId":"c2","content":[{"text":"no such city"}],"status":"error"}},)"
        R"({"text":"And?"}]}]})");
}

TEST_CASE("images, documents, videos and cache points", "[bedrock]") {
  CHECK(messages({.messages = {user(
                      {image_bytes("\x01\x02", "image/png"), image_url("data:image/jpeg;base64,AAA="),
                       ImagePart{.url = "s3://b/k.webp", .media_type = "image/webp"},
                       FilePart{.data = "PDF", .filename = "My report_v2.final.pdf", .media_type = "application/pdf"},
                       FilePart{.data = "a,b", .media_type = "text/csv"},
                       FilePart{.url = "s3://b/v", .media_type = "video/mp4"},
                       TextPart{.text = "x", .cache = CacheBreakpoint{}},
                       TextPart{.text = "y", .cache = CacheBreakpoint{std::chrono::hours(1)}}})}}) ==
        R"({"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AQI="}}},)"
        R"({"image":{"format":"jpeg","source":{"bytes":"AAA="}}},)"
        R"({"image":{"format":"webp","source":{"s3Location":{"uri":"s3://b/k.webp"}}}},)"
        R"({"document":{"format":"pdf","name":"My report v2 final","source":{"bytes":"UERG"}}},)"
        R"({"document":{"format":"csv","name":"document-2","source":{"bytes":"YSxi"}}},)"
        R"({"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v"}}}},)"
        R"({"text":"x"},{"cachePoint":{"type":"default"}},{"text":"y"},)"
        R"({"cachePoint":{"type":"default","ttl":"1h"}}]}]})");
  const auto fault = [](Part part) { return messages({.messages = {user({std::move(part)})}}); };
  CHECK(fault(image_url("https://x/y.png")).starts_with("unsupported"));
  CHECK(fault(image_url("s3://b/k.png")).starts_with("invalid_request: messages[0].content[0].media_type"));
  CHECK(fault(ImagePart{.url = "https://x", .media_type = "image/png"}).starts_with("unsupported"));
  CHECK(fault(ImagePart{.data = "x", .media_type = "image/tiff"}).find("not image/tiff") != std::string::npos);
  CHECK(fault(ImagePart{}).starts_with("invalid_request"));
  CHECK(fault(FilePart{.id = "file-1"}).find("messages[0].content[0].id") != std::string::npos);
  CHECK(fault(FilePart{.data = "x", .media_type = "application/zip"}).starts_with("unsupported"));
  CHECK(fault(AudioPart{.data = "x"}).starts_with("unsupported"));
  CHECK(fault(TextPart{.text = "x", .extra = R"({"a":1})"}).find("messages[0].content[0].extra") != std::string::npos);
  CHECK(fault(TextPart{.text = "x", .cache = CacheBreakpoint{std::chrono::seconds(7)}}).find("cache.ttl") !=
        std::string::npos);
}

TEST_CASE("citations and a server's own tools go back as they came", "[bedrock]") {
  const Message grounded{
      .role = Role::assistant,
      .content = {RawPart{R"({"toolResult":{"toolUseId":"s1"}})"}, text("3.4"),
                  RawPart{R"({"citationsContent":{"citations":[{"location":{}}]}})"}},
      .tool_calls = {{.id = "s1", .name = "nova_grounding", .arguments = R"({"q":"x"})", .type = "server_tool_use"},
                     {.id = "c1", .name = "mine"}}};
  CHECK(messages({.messages = {user("Ruby?"), grounded}})
            .ends_with(
                R"({"role":"assistant","content":[)"
                R"({"toolUse":{"type":"server_tool_use","toolUseId":"s1","name":"nova_grounding","input":{"q":"x"}}},)"
                R"({"toolResult":{"toolUseId":"s1"}},)"
                R"({"citationsContent":{"content":[{"text":"3.4"}],"citations":[{"location":{}}]}},)"
                R"({"toolUse":{"toolUseId":"c1","name":"mine","input":{}}}]}]})"));
}

TEST_CASE("an unsigned thought is left out of a Bedrock request, and told", "[bedrock]") {
  auto dialect = bedrock();
  const Message thinking{.role = Role::assistant, .content = {ReasoningPart{.text = "Hm."}, text("Yes.")}};
  CHECK(dialect.body({.messages = {user("Hi"), thinking}}, kModel).find("Hm.") == std::string::npos);
  REQUIRE(dialect.warnings.size() == 1);
  CHECK(dialect.warnings[0].starts_with("messages[1].content[0]"));
}

TEST_CASE("tools and their choice in Converse's words", "[bedrock]") {
  ChatRequest request = hello();
  request.tools = {{.name = "weather",
                    .description = "Tells it",
                    .parameters = R"({"type":"object"})",
                    .strict = true,
                    .cache = CacheBreakpoint{}},
                   {.raw = R"({"systemTool":{"name":"nova_grounding"}})"}};
  const std::string tools =
      R"(,"toolConfig":{"tools":[{"toolSpec":{"name":"weather","description":"Tells it",)"
      R"("inputSchema":{"json":{"type":"object"}},"strict":true}},{"cachePoint":{"type":"default"}},)"
      R"({"systemTool":{"name":"nova_grounding"}}])";
  using Mode = ToolChoice::Mode;
  const auto choice = [&](std::optional<ToolChoice> chosen) {
    request.tool_choice = std::move(chosen);
    const std::string body = rest(request);
    return body.starts_with(tools) ? body.substr(tools.size()) : body;
  };
  CHECK(choice({}) == "}}");
  CHECK(choice(ToolChoice{Mode::automatic, {}, {}}) == R"(,"toolChoice":{"auto":{}}}})");
  CHECK(choice(ToolChoice{Mode::required, {}, {}}) == R"(,"toolChoice":{"any":{}}}})");
  CHECK(choice(ToolChoice{Mode::function, "weather", {}}) == R"(,"toolChoice":{"tool":{"name":"weather"}}}})");
  CHECK(choice(ToolChoice{.raw = R"({"x":{}})"}) == R"(,"toolChoice":{"x":{}}}})");
  // It has no word for none: the tools are left out, unless the conversation needs them.
  CHECK(choice(ToolChoice{Mode::none, {}, {}}) == "}");
  request.messages = {user("Hi"), assistant("", {{.id = "c1", .name = "weather"}}), tool_result("c1", "sunny")};
  CHECK(choice(ToolChoice{Mode::none, {}, {}}).starts_with("unsupported: bedrock cannot express tool_choice"));
}

TEST_CASE("sampling, schema, guardrail, tier and metadata have their places", "[bedrock]") {
  ChatRequest request = hello();
  request.max_tokens = 100;
  request.temperature = 0.5;
  request.top_p = 0.9;
  request.stop = {"END"};
  CHECK(rest(request) ==
        R"(,"inferenceConfig":{"maxTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["END"]}})");
  CHECK(rest(request, "us.anthropic.claude-opus-4-7").starts_with("unsupported: bedrock cannot express temperature"));

  request = hello();
  request.response_format = ResponseFormat{
      .type = ResponseFormat::Type::json_schema, .name = "p", .description = "d", .schema = R"({"a":"b"})"};
  CHECK(rest(request, "amazon.nova-pro-v1:0") ==
        R"(,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":)"
        R"({"schema":"{\"a\":\"b\"}","name":"p","description":"d"}}}}})");
  request.response_format->schema = "{";
  CHECK(rest(request, "amazon.nova-pro-v1:0").starts_with("invalid_request: response_format.schema"));
  CHECK(rest(request).starts_with("unsupported: bedrock cannot express response_format"));

  auto dialect = bedrock();
  dialect.service.options = {
      {"guardrail_id", "g1"}, {"guardrail_trace", "enabled"}, {"guardrail_stream", "async"}, {"latency", "optimized"}};
  request = hello();
  request.service_tier = "flex";
  request.metadata = {{"team", "a"}};
  CHECK(dialect.body(request, kModel, true) ==
        std::string(kHello) +
            R"(,"guardrailConfig":{"guardrailIdentifier":"g1","guardrailVersion":"DRAFT","trace":"enabled",)"
            R"("streamProcessingMode":"async"},"performanceConfig":{"latency":"optimized"},)"
            R"("serviceTier":{"type":"flex"},"requestMetadata":{"team":"a"}})");
}

TEST_CASE("a model's own parameters go to additionalModelRequestFields", "[bedrock]") {
  ChatRequest request = hello();
  request.top_k = 40;
  CHECK(rest(request) == R"(,"additionalModelRequestFields":{"top_k":40}})");
  CHECK(rest(request, "us.amazon.nova-pro-v1:0") ==
        R"(,"additionalModelRequestFields":{"inferenceConfig":{"topK":40}}})");
  CHECK(rest(request, "cohere.command-r-v1:0") == R"(,"additionalModelRequestFields":{"k":40}})");
  CHECK(rest(request, "meta.llama3-70b").starts_with("unsupported: bedrock cannot express top_k"));

  request = hello();
  request.reasoning_effort = "low";
  CHECK(rest(request) == R"(,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2048}}})");
  CHECK(rest(request, "global.anthropic.claude-opus-4-6-v1") ==
        R"(,"additionalModelRequestFields":{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}})");
  CHECK(rest(request, "openai.gpt-oss-120b-1:0") == R"(,"additionalModelRequestFields":{"reasoning_effort":"low"}})");
  CHECK(rest(request, "us.amazon.nova-2-lite-v1:0") ==
        R"(,"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}})");
  CHECK(rest(request, "meta.llama3-70b").starts_with("unsupported: bedrock cannot express reasoning_effort"));
  request.reasoning_effort.clear();
  request.reasoning_tokens = 2000;
  CHECK(
      rest(request, "us.amazon.nova-2-lite-v1:0").starts_with("unsupported: bedrock cannot express reasoning_tokens"));

  request = hello();
  request.top_k = 1;
  request.extra =
      R"({"top_k":2,"thing":true,"additionalModelRequestFields":{"x":[1]},"promptVariables":{"a":{"text":"b"}}})";
  CHECK(rest(request) ==
        R"(,"additionalModelRequestFields":{"top_k":2,"thing":true,"x":[1]},"promptVariables":{"a":{"text":"b"}}})");
  request.extra = "7";
  CHECK(rest(request).starts_with("invalid_request: extra"));
}

TEST_CASE("what Converse has no words for is named", "[bedrock]") {
  const auto refused = [](auto set, std::string_view field) {
    ChatRequest request = hello();
    set(request);
    INFO(field);
    CHECK(rest(request).starts_with(fmt::format("unsupported: bedrock cannot express {}", field)));
  };
  refused([](ChatRequest& r) { r.n = 2; }, "n:");
  refused([](ChatRequest& r) { r.seed = 1; }, "seed");
  refused([](ChatRequest& r) { r.presence_penalty = 1; }, "presence_penalty");
  refused([](ChatRequest& r) { r.frequency_penalty = 1; }, "frequency_penalty");
  refused([](ChatRequest& r) { r.logit_bias["1"] = 1; }, "logit_bias");
  refused([](ChatRequest& r) { r.logprobs = true; }, "logprobs");
  refused([](ChatRequest& r) { r.top_logprobs = 2; }, "top_logprobs");
  refused([](ChatRequest& r) { r.user = "u"; }, "user");
  refused([](ChatRequest& r) { r.parallel_tool_calls = false; }, "parallel_tool_calls");
  refused([](ChatRequest& r) { r.messages[0].name = "Ann"; }, "messages[0].name");
  refused([](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object}; },
          "response_format");
}

TEST_CASE("embeddings are invoked in the words of the model's vendor", "[bedrock]") {
  auto dialect = bedrock();
  const auto body = [&](const EmbeddingRequest& request, std::string_view model) {
    std::vector<std::string_view> inputs(request.input.begin(), request.input.end());
    const auto sent = dialect.transport->encode_embedding(request, inputs, dialect.target(model));
    if (!sent) return sent.error().message;
    CHECK(sent->url.ends_with("/invoke"));
    CHECK(!header(*sent, "Authorization").empty());
    return sent->body;
  };
  CHECK(dialect.transport->embedding_batch("amazon.titan-embed-text-v2:0") == 1);
  CHECK(dialect.transport->embedding_batch("cohere.embed-english-v3") == 96);
  CHECK(body({.input = {"a"}, .dimensions = 256}, "amazon.titan-embed-text-v2:0") ==
        R"({"inputText":"a","dimensions":256})");
  CHECK(body({.input = {"a"}, .dimensions = 256}, "amazon.titan-embed-text-v1").find("dimensions") !=
        std::string::npos);
  CHECK(body({.input = {"a"}, .purpose = "query"}, "amazon.titan-embed-text-v2:0").starts_with("bedrock cannot"));
  CHECK(body({.input = {"a", "b"}}, "cohere.embed-multilingual-v3") ==
        R"({"texts":["a","b"],"input_type":"search_document"})");
  CHECK(body({.input = {"a"}, .dimensions = 512, .purpose = "query", .extra = R"({"truncate":"END"})"},
             "us.cohere.embed-v4:0") ==
        R"({"texts":["a"],"input_type":"search_query","output_dimension":512,"truncate":"END"})");
  CHECK(body({.input = {"a"}, .dimensions = 512}, "cohere.embed-english-v3").starts_with("bedrock cannot"));
  CHECK(body({.input = {"a"}, .purpose = "song"}, "us.cohere.embed-v4:0").starts_with("bedrock cannot"));

  const auto read = [&](std::string_view answer, std::size_t inputs) {
    EmbeddingResponse response;
    const auto failure = dialect.transport->decode_embedding(answer, inputs, response);
    return failure ? failure->message
                   : fmt::format("{} vectors, {} numbers, {} tokens", response.embeddings.size(),
                                 response.embeddings[0].size(), response.usage.prompt_tokens.value_or(-1));
  };
  CHECK(read(R"({"embedding":[0.5,1,-2e-3],"inputTextTokenCount":3})", 1) == "1 vectors, 3 numbers, 3 tokens");
  CHECK(read(R"({"embeddings":[[1],[2]]})", 2) == "2 vectors, 1 numbers, -1 tokens");
  CHECK(read(R"({"embeddings":{"float":[[1,2]]}})", 1) == "1 vectors, 2 numbers, -1 tokens");
  CHECK(read(R"({"embeddings":[[1]]})", 2) == "1 embeddings came for 2 inputs");
  CHECK(read(R"({"embedding":[1,"x"]})", 1).starts_with("an embedding is not"));
  CHECK(read(R"({"embedding":[]})", 1).starts_with("an embedding is not"));
  CHECK(read("nonsense", 1).starts_with("the answer is not JSON"));
}

TEST_CASE("Bedrock's models are listed at the other host", "[bedrock]") {
  auto dialect = bedrock();
  auto sent = dialect.transport->encode_listing(dialect.target(""));
  REQUIRE(sent);
  CHECK(sent->method == "GET");
  CHECK(sent->url == "https://bedrock.us-east-1.amazonaws.com/foundation-models");
  CHECK(header(*sent, "Authorization").starts_with("AWS4-HMAC-SHA256 "));
  dialect.service.base_url = "https://bedrock-runtime.eu-west-1.amazonaws.com";
  sent = dialect.transport->encode_listing(dialect.target(""));
  REQUIRE(sent);
  CHECK(sent->url == "https://bedrock.eu-west-1.amazonaws.com/foundation-models");
  std::vector<ModelInfo> models;
  CHECK(!dialect.transport->decode_listing(
      R"({"modelSummaries":[{"modelId":"amazon.nova-lite-v1:0","providerName":"Amazon"},{}]})", models));
  REQUIRE(models.size() == 1);
  CHECK(models[0].id == "amazon.nova-lite-v1:0");
  CHECK(models[0].owner == "Amazon");
  CHECK(dialect.transport->decode_listing("[]", models));
}
