#include <string>

#include <catch2/catch_test_macros.hpp>

#include "providers/gemini.hpp"
#include "wire/transport_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;

namespace {

constexpr detail::Preset kPreset{.name = "gemini", .base_url = "https://generativelanguage.googleapis.com/v1beta"};

Fixture fixture(std::string model = "gemini-2.5-flash") {
  Fixture made;
  made.service.provider = "gemini";
  made.model = std::move(model);
  return made;
}

/// The body for a request of one user message, with what `change` does to it.
template <class Change>
std::string body(Change change, std::string model = "gemini-2.5-flash") {
  Fixture f = fixture(std::move(model));
  ChatRequest request{.messages = {user("Hi")}};
  change(request);
  const Result<HttpRequest> http = detail::make_gemini_transport(kPreset)->encode(request, f.target());
  REQUIRE(http);
  return http->body;
}

/// The same for a request that cannot be said: the error.
template <class Change>
Error refused(Change change, std::string model = "gemini-2.5-flash") {
  Fixture f = fixture(std::move(model));
  ChatRequest request{.messages = {user("Hi")}};
  change(request);
  Result<HttpRequest> http = detail::make_gemini_transport(kPreset)->encode(request, f.target());
  REQUIRE_FALSE(http);
  return std::move(http).error();
}

constexpr std::string_view kHi = R"("contents":[{"role":"user","parts":[{"text":"Hi"}]}])";

std::string with_config(std::string_view config) {
  return "{" + std::string(kHi) + ",\"generationConfig\":" + std::string(config) + "}";
}

}  // namespace

TEST_CASE("Gemini's key goes in a header and its address is taken in every form people write", "[gemini]") {
  const auto transport = detail::make_gemini_transport(kPreset);
  const ChatRequest request{.messages = {user("Hi")}};
  const auto url = [&](std::string base, bool stream = false, std::string model = "gemini-2.5-flash") {
    Fixture f = fixture(std::move(model));
    f.base_url = std::move(base);
    f.stream = stream;
    const Result<HttpRequest> http = transport->encode(request, f.target());
    REQUIRE(http);
    CHECK(header(*http, "x-goog-api-key") == "the-key");
    CHECK(http->url.find("the-key") == std::string::npos);
    return http->url;
  };
  const std::string usual = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent";
  CHECK(url("") == usual);
  CHECK(url("https://generativelanguage.googleapis.com") == usual);
  CHECK(url("https://generativelanguage.googleapis.com/") == usual);
  CHECK(url("https://generativelanguage.googleapis.com/v1beta/") == usual);
  CHECK(url("https://generativelanguage.googleapis.com/v1beta/models") == usual);
  CHECK(url("https://generativelanguage.googleapis.com/v1beta/models/gemini-pro:generateContent") == usual);
  CHECK(url("http://127.0.0.1:80/v1/models/") == "http://127.0.0.1:80/v1/models/gemini-2.5-flash:generateContent");
  CHECK(url("https://proxy.example/gemini") ==
        "https://proxy.example/gemini/v1beta/models/gemini-2.5-flash:generateContent");
  CHECK(url("https://proxy.example", true) ==
        "https://proxy.example/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  CHECK(url("https://proxy.example", false, "tunedModels/mine") ==
        "https://proxy.example/v1beta/tunedModels/mine:generateContent");
  CHECK(url("https://proxy.example", false, "models/a b?c") ==
        "https://proxy.example/v1beta/models/a%20b%3Fc:generateContent");
}

TEST_CASE("Gemini's check names the credential without a key and the base_url with a query", "[gemini]") {
  ServiceConfig service{.base_url = "https://proxy.example/?key=abc", .credentials = {{.api_key = "k"}, {}}};
  const auto faults = detail::make_gemini_transport(kPreset)->check(service);
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].starts_with("base_url "));
  CHECK(faults[0].find("abc") == std::string::npos);
  CHECK(faults[1].starts_with("credentials[1].api_key "));
}

TEST_CASE("a conversation becomes Gemini's contents: the system apart, roles in turn, results named", "[gemini]") {
  const std::string got = body([](ChatRequest& r) {
    Message failed = tool_result("b", "no such city");
    failed.failed = true;
    r.messages = {keywheel::system("Be brief."),
                  user("Weather in Oslo and Atlantis?"),
                  assistant("Let me see.",
                            {{.id = "a", .name = "weather", .arguments = R"({"city": "Oslo"})", .signature = "SIG"},
                             {.id = "b", .name = "weather", .arguments = ""}}),
                  tool_result("a", R"({"degrees":3})"),
                  std::move(failed),
                  developer("In German."),
                  user("Go on."),
                  user({text("And this?"), image_bytes("\x01\x02\x03", "image/png")})};
  });
  CHECK(got == R"({"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"In German."}]},"contents":[)"
               R"({"role":"user","parts":[{"text":"Weather in Oslo and Atlantis?"}]},)"
               R"({"role":"model","parts":[{"text":"Let me see."},)"
               R"({"functionCall":{"id":"a","name":"weather","args":{"city": "Oslo"}},"thoughtSignature":"SIG"},)"
               R"({"functionCall":{"id":"b","name":"weather","args":{}}}]},)"
               R"({"role":"user","parts":[{"functionResponse":{"id":"a","name":"weather","response":{"degrees":3}}},)"
               R"({"functionResponse":{"id":"b","name":"weather","response":{"error":"no such city"}}},)"
               R"({"text":"Go on."},{"text":"And this?"},{"inlineData":{"mimeType":"image/png","data":"AQID"}}]}]})");
}

TEST_CASE("a result names the function of the nearest call with its id", "[gemini]") {
  const std::string got = body([](ChatRequest& r) {
    r.messages = {user("1"), assistant("", {{.id = "x", .name = "old"}}), tool_result("x", "one"),
                  assistant("", {{.id = "x", .name = "new"}}), tool_result("x", "two")};
  });
  CHECK(got.find(R"({"id":"x","name":"old","response":{"result":"one"}})") != std::string::npos);
  CHECK(got.find(R"({"id":"x","name":"new","response":{"result":"two"}})") != std::string::npos);
}

TEST_CASE("what the model thought and sealed goes back to Gemini as it came", "[gemini]") {
  const std::string got = body([](ChatRequest& r) {
    Message said = assistant("Four.");
    said.content.insert(said.content.begin(), ReasoningPart{.text = "2+2"});
    said.content.emplace_back(ReasoningPart{.signature = "S"});
    said.content.emplace_back(ReasoningPart{.encrypted = "somebody else's"});
    said.content.emplace_back(RawPart{.json = R"({"executableCode":{"language":"PYTHON","code":"2+2"}})"});
    r.messages = {user("2+2?"), std::move(said)};
  });
  CHECK(
      got.find(
          R"({"role":"model","parts":[{"text":"2+2","thought":true},{"text":"Four."},{"text":"","thoughtSignature":"S"},)"
          R"({"executableCode":{"language":"PYTHON","code":"2+2"}}]})") != std::string::npos);
}

TEST_CASE("a Gemini 3 model gets a call that it did not make with the mark that says so", "[gemini]") {
  const auto two_calls = [](ChatRequest& r) {
    r.messages = {user("?"), assistant("", {{.id = "1", .name = "f"}, {.id = "2", .name = "g"}}), tool_result("1", "x"),
                  tool_result("2", "y")};
  };
  const std::string got = body(two_calls, "gemini-3.5-flash");
  CHECK(got.find(
            R"({"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},)"
            R"({"functionCall":{"id":"2","name":"g","args":{}}})") != std::string::npos);
  CHECK(body(two_calls).find("thoughtSignature") == std::string::npos);
}

TEST_CASE("pictures of a function's result go where the model's generation takes them", "[gemini]") {
  const auto shown = [](ChatRequest& r) {
    Message result = tool_result("1", "see");
    result.content.push_back(image_bytes("x", "image/png"));
    r.messages = {user("?"), assistant("", {{.id = "1", .name = "shot", .signature = "S"}}), std::move(result)};
  };
  const std::string picture = R"({"inlineData":{"mimeType":"image/png","data":"eA=="}})";
  CHECK(body(shown, "gemini-3-flash-preview").find(R"("response":{"result":"see"},"parts":[)" + picture + "]}}]}") !=
        std::string::npos);
  CHECK(body(shown).find(R"("response":{"result":"see"}}},)" + picture + "]}") != std::string::npos);
}

TEST_CASE("files reach Gemini by bytes, by data URL, by URL and by id", "[gemini]") {
  const auto part = [](Part one) {
    const std::string got = body([&](ChatRequest& r) { r.messages = {user({std::move(one)})}; });
    const std::size_t begin = got.find("\"parts\":[") + 9;
    return got.substr(begin, got.find("]}]}") - begin);
  };
  CHECK(part(image_url("data:image/webp;base64,AAAA")) == R"({"inlineData":{"mimeType":"image/webp","data":"AAAA"}})");
  CHECK(part(image_url("https://example.org/a.jpg?x=1")) ==
        R"({"fileData":{"mimeType":"image/jpeg","fileUri":"https://example.org/a.jpg?x=1"}})");
  CHECK(part(FilePart{.url = "https://youtu.be/x"}) == R"({"fileData":{"fileUri":"https://youtu.be/x"}})");
  CHECK(part(FilePart{.url = "gs://bucket/film.mp4", .extra = R"({"videoMetadata":{"fps":1}})"}) ==
        R"({"fileData":{"mimeType":"video/mp4","fileUri":"gs://bucket/film.mp4"},"videoMetadata":{"fps":1}})");
  CHECK(
      part(FilePart{.id = "files/abc", .media_type = "application/pdf"}) ==
      R"({"fileData":{"mimeType":"application/pdf","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}})");
  CHECK(part(FilePart{.data = "%PDF", .filename = "a.pdf"}) ==
        R"({"inlineData":{"mimeType":"application/pdf","data":"JVBERg=="}})");
  CHECK(part(AudioPart{.data = "R", .format = "wav"}) == R"({"inlineData":{"mimeType":"audio/wav","data":"Ug=="}})");
}

TEST_CASE("every number of a request lands in Gemini's generationConfig", "[gemini]") {
  CHECK(
      body([](ChatRequest& r) {
        r.max_tokens = 9;
        r.temperature = 0.5;
        r.top_p = 0.9;
        r.top_k = 3;
        r.n = 2;
        r.seed = 7;
        r.presence_penalty = 1;
        r.frequency_penalty = -0.5;
        r.stop = {"a", "b"};
        r.logprobs = true;
        r.top_logprobs = 4;
      }) ==
      with_config(
          R"({"maxOutputTokens":9,"temperature":0.5,"topP":0.9,"topK":3,"candidateCount":2,"seed":7,)"
          R"("presencePenalty":1,"frequencyPenalty":-0.5,"stopSequences":["a","b"],"responseLogprobs":true,"logprobs":4})"));
}

TEST_CASE("a schema goes to Gemini as JSON Schema, and to its first models as OpenAPI's", "[gemini]") {
  const auto asks = [](ChatRequest& r) {
    r.response_format =
        ResponseFormat{.type = ResponseFormat::Type::json_schema, .name = "n", .schema = R"({"type":"object"})"};
  };
  CHECK(body(asks) == with_config(R"({"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}})"));
  CHECK(body(asks, "gemini-2.0-flash") ==
        with_config(R"({"responseMimeType":"application/json","responseSchema":{"type":"object"}})"));
  CHECK(body([](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object}; }) ==
        with_config(R"({"responseMimeType":"application/json"})"));
}

TEST_CASE("thinking is asked for as each generation of Gemini takes it", "[gemini]") {
  const auto effort = [](std::string word) { return [word](ChatRequest& r) { r.reasoning_effort = word; }; };
  const auto budget = [](std::int64_t tokens) { return [tokens](ChatRequest& r) { r.reasoning_tokens = tokens; }; };
  const auto thinks = [](std::string_view config) {
    return with_config("{\"thinkingConfig\":" + std::string(config) + "}");
  };
  CHECK(body(effort("medium")) == thinks(R"({"thinkingBudget":8192,"includeThoughts":true})"));
  CHECK(body(effort("none")) == thinks(R"({"thinkingBudget":0,"includeThoughts":false})"));
  CHECK(body(budget(512)) == thinks(R"({"thinkingBudget":512,"includeThoughts":true})"));
  CHECK(body(budget(512), "gemini-3-flash-preview") == thinks(R"({"thinkingBudget":512,"includeThoughts":true})"));
  CHECK(body(effort("minimal"), "models/gemini-3-flash-preview") ==
        thinks(R"({"thinkingLevel":"minimal","includeThoughts":true})"));
  CHECK(body(effort("high"), "gemini-flash-latest") == thinks(R"({"thinkingLevel":"high","includeThoughts":true})"));
  CHECK(refused(effort("none"), "gemini-2.5-pro").message.find("reasoning_effort") != std::string::npos);
  CHECK(refused(effort("minimal"), "gemini-3.1-pro-preview").kind == ErrorKind::unsupported);
  CHECK(refused(effort("medium"), "gemini-3-pro-preview").message.find("low, high") != std::string::npos);
  CHECK(refused(budget(1), "gemini-2.0-flash").kind == ErrorKind::unsupported);
}

TEST_CASE("tools and the choice among them, in Gemini's words", "[gemini]") {
  const std::vector<Tool> two = {
      {.name = "f", .description = "F", .parameters = R"({"type":"object","additionalProperties":false})"},
      {.raw = R"({"googleSearch":{}})"},
      {.name = "g"}};
  const std::string declared =
      R"("tools":[{"functionDeclarations":[{"name":"f","description":"F","parametersJsonSchema":{"type":"object","additionalProperties":false}},)"
      R"({"name":"g"}]},{"googleSearch":{}}])";
  const auto choice = [&](std::optional<ToolChoice> chosen, bool strict = false) {
    return body([&](ChatRequest& r) {
      r.tools = two;
      if (strict) r.tools[0].strict = true;
      r.tool_choice = std::move(chosen);
    });
  };
  const std::string begin = "{" + std::string(kHi) + "," + declared;
  CHECK(choice({}) == begin + "}");
  const auto config = [&](std::string_view mode) {
    return begin + R"(,"toolConfig":{"functionCallingConfig":{"mode":)" + std::string(mode) + "}}}";
  };
  CHECK(choice(ToolChoice{}) == config("\"AUTO\""));
  CHECK(choice({}, true) == config("\"VALIDATED\""));
  CHECK(choice(ToolChoice{.mode = ToolChoice::Mode::none}) == config("\"NONE\""));
  CHECK(choice(ToolChoice{.mode = ToolChoice::Mode::required}) == config("\"ANY\""));
  CHECK(choice(ToolChoice{.mode = ToolChoice::Mode::function, .name = "g"}) ==
        config(R"("ANY","allowedFunctionNames":["g"])"));
  CHECK(choice(ToolChoice{.raw = R"({"x":1})"}) == begin + R"(,"toolConfig":{"x":1}})");
}

TEST_CASE("extra is merged into Gemini's body, and its generationConfig into ours", "[gemini]") {
  CHECK(
      body([](ChatRequest& r) {
        r.max_tokens = 5;
        r.temperature = 1;
        r.extra =
            R"({"safetySettings":[{"category":"C","threshold":"OFF"}],"generationConfig":{"responseModalities":["TEXT","IMAGE"],"temperature":0}})";
      }) == "{" + std::string(kHi) +
                R"(,"generationConfig":{"maxOutputTokens":5,"responseModalities":["TEXT","IMAGE"],"temperature":0},)"
                R"("safetySettings":[{"category":"C","threshold":"OFF"}]})");
}

TEST_CASE("one resolution serves all images of a Gemini request", "[gemini]") {
  const auto images = [](std::string a, std::string b) {
    return [a, b](ChatRequest& r) {
      r.messages = {user({image_url("https://h/a.png", a), image_url("https://h/b.png", b)})};
    };
  };
  CHECK(body(images("low", "auto")).find(R"("generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"})") !=
        std::string::npos);
  CHECK(body(images("", "auto")).find("generationConfig") == std::string::npos);
  CHECK(refused(images("low", "high")).message.find("detail") != std::string::npos);
}

TEST_CASE("what Gemini cannot express is refused by its name, or left out with a warning", "[gemini]") {
  const std::vector<std::pair<std::string, void (*)(ChatRequest&)>> cases = {
      {"logit_bias",
       [](ChatRequest& r) {
         r.logit_bias = {{"1", 1.0}};
       }},
      {"user", [](ChatRequest& r) { r.user = "u"; }},
      {"metadata",
       [](ChatRequest& r) {
         r.metadata = {{"a", "b"}};
       }},
      {"parallel_tool_calls", [](ChatRequest& r) { r.parallel_tool_calls = false; }},
      {"messages[0].name", [](ChatRequest& r) { r.messages[0].name = "Ann"; }},
      {"messages[1].tool_calls[0].type",
       [](ChatRequest& r) { r.messages.push_back(assistant("", {{.name = "x", .type = "custom"}})); }},
      {"response_format.description",
       [](ChatRequest& r) {
         r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_object, .description = "d"};
       }},
  };
  for (const auto& [field, change] : cases) {
    const Error error = refused(change);
    CHECK(error.kind == ErrorKind::unsupported);
    CHECK(error.message.find(field) != std::string::npos);
    Fixture f = fixture();
    f.on_unsupported = OnUnsupported::warn;
    ChatRequest request{.messages = {user("Hi")}};
    change(request);
    CHECK(detail::make_gemini_transport(kPreset)->encode(request, f.target()));
    REQUIRE(f.warnings.size() == 1);
    CHECK(f.warnings[0].find(field) != std::string::npos);
  }
}

TEST_CASE("a request that is wrong is refused before it is sent to Gemini", "[gemini]") {
  const std::vector<std::pair<std::string, void (*)(ChatRequest&)>> cases = {
      {"messages", [](ChatRequest& r) { r.messages = {keywheel::system("only")}; }},
      {"tool_call_id", [](ChatRequest& r) { r.messages.push_back(tool_result("nobody", "x")); }},
      {"arguments", [](ChatRequest& r) { r.messages.push_back(assistant("", {{.name = "f", .arguments = "[1]"}})); }},
      {"arguments", [](ChatRequest& r) { r.messages.push_back(assistant("", {{.name = "f", .arguments = "{"}})); }},
      {"extra", [](ChatRequest& r) { r.extra = "nonsense"; }},
      {"media type", [](ChatRequest& r) { r.messages = {user({ImagePart{.data = "x"}})}; }},
      {"neither data nor url", [](ChatRequest& r) { r.messages = {user({FilePart{.media_type = "text/plain"}})}; }},
      {"UTF-8", [](ChatRequest& r) { r.messages = {user("\xFF")}; }},
      {"tools[0].parameters", [](ChatRequest& r) { r.tools = {{.name = "f", .parameters = "{"}}; }},
      {"schema", [](ChatRequest& r) { r.response_format = ResponseFormat{.type = ResponseFormat::Type::json_schema}; }},
  };
  for (const auto& [word, change] : cases) {
    const Error error = refused(change);
    CHECK(error.kind == ErrorKind::invalid_request);
    CHECK(error.message.find(word) != std::string::npos);
  }
}

TEST_CASE("Gemini embeds many texts in one request, and lists its models", "[gemini]") {
  const auto transport = detail::make_gemini_transport(kPreset);
  Fixture f = fixture("gemini-embedding-001");
  const EmbeddingRequest request{.dimensions = 256, .purpose = "query"};
  const Result<HttpRequest> http = transport->encode_embedding(request, {"a", "b"}, f.target());
  REQUIRE(http);
  CHECK(http->url.ends_with("/v1beta/models/gemini-embedding-001:batchEmbedContents"));
  CHECK(
      http->body ==
      R"({"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256},)"
      R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256}]})");
  EmbeddingResponse into;
  CHECK_FALSE(transport->decode_embedding(
      R"({"embeddings":[{"values":[0.5,1]},{"values":[2]}],"usageMetadata":{"promptTokenCount":3}})", 2, into));
  CHECK(into.embeddings == std::vector<std::vector<float>>{{0.5F, 1.0F}, {2.0F}});
  CHECK(into.usage.prompt_tokens == 3);
  for (const std::string_view wrong :
       {R"({"embeddings":[{"values":[1]}]})", R"({"embeddings":[{"values":["x"]},{"values":[1]}]})", "{}", "[", ""}) {
    EmbeddingResponse none;
    CHECK(transport->decode_embedding(wrong, 2, none));
  }

  const Result<HttpRequest> listing = transport->encode_listing(f.target());
  REQUIRE(listing);
  CHECK(listing->method == "GET");
  CHECK(listing->url == "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000");
  std::vector<ModelInfo> models;
  CHECK_FALSE(
      transport->decode_listing(R"({"models":[{"name":"models/gemini-2.5-pro"},{"name":"tunedModels/x"}]})", models));
  REQUIRE(models.size() == 2);
  CHECK(models[0].id == "gemini-2.5-pro");
  CHECK(models[1].id == "tunedModels/x");
  CHECK(transport->decode_listing("{}", models));
}
