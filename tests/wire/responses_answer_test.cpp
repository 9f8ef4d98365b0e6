#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"
#include "router/response_builder.hpp"
#include "wire/transport_fixture.hpp"

/// OpenAI's Responses: what comes back. https://platform.openai.com/docs/api-reference/responses-streaming

using namespace keywheel;
using namespace keywheel::testing;
using Lines = std::vector<std::string>;

namespace {

const Transport& transport() {
  static const std::shared_ptr<const Transport> made = detail::make_transport("openai", "responses");
  return *made;
}

Heard hear_responses(std::string_view body) {
  Fixture f;
  return hear_cut(transport(), f.target(), body);
}

/// The typed events of a stream: each has its type twice, and a number.
std::string stream(const std::vector<std::pair<std::string, std::string>>& events) {
  std::string out;
  int number = 0;
  for (const auto& [type, rest] : events) {
    out += fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":{1}{2}{3}}}\n\n", type, number++,
                       rest.empty() ? "" : ",", rest);
  }
  return out;
}

std::string response(std::string_view output, std::string_view status = "completed", std::string_view rest = "") {
  return fmt::format(
      R"({{"id":"resp_1","object":"response","status":"{}","error":null,"incomplete_details":null,"model":"gpt-5-2025","output":[{}],)"
      R"("usage":{{"input_tokens":9,"input_tokens_details":{{"cached_tokens":4}},"output_tokens":7,)"
      R"("output_tokens_details":{{"reasoning_tokens":5}},"total_tokens":16}}{}}})",
      status, output, rest);
}

const std::string kCreated =
    R"("response":{"id":"resp_1","object":"response","status":"in_progress","model":"gpt-5-2025","output":[],"usage":null})";

std::string ended(std::string_view output, std::string_view status = "completed", std::string_view rest = "") {
  return R"("response":)" + response(output, status, rest);
}

void check_usage(const Usage& usage) {
  CHECK(usage.prompt_tokens == 9);
  CHECK(usage.cached_tokens == 4);
  CHECK(usage.completion_tokens == 7);
  CHECK(usage.reasoning_tokens == 5);
  CHECK(usage.total_tokens == 16);
}

constexpr std::string_view kThought =
    R"({"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Think."}],"encrypted_content":"SEALED"})";
constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"Grüß Gott"}]})";
constexpr std::string_view kCall =
    R"({"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"city\":\"Rome\"}","call_id":"call_1","name":"weather"})";
constexpr std::string_view kSecondCall =
    R"({"id":"fc_2","type":"function_call","status":"completed","arguments":"{}","call_id":"call_2","name":"clock"})";

/// Whole answer and stream of a thought, a text and two calls.
std::string whole_answer() { return response(fmt::format("{},{},{},{}", kThought, kMessage, kCall, kSecondCall)); }

std::string streamed_answer() {
  return stream({
      {"response.created", kCreated},
      {"response.in_progress", kCreated},
      {"response.output_item.added", R"("output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]})"},
      {"response.reasoning_summary_part.added",
       R"("item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""})"},
      {"response.reasoning_summary_text.delta",
       R"("item_id":"rs_1","output_index":0,"summary_index":0,"delta":"Thi","obfuscation":"x")"},
      {"response.reasoning_summary_text.delta",
       R"("item_id":"rs_1","output_index":0,"summary_index":0,"delta":"nk.","obfuscation":"yz")"},
      {"response.reasoning_summary_text.done",
       R"("item_id":"rs_1","output_index":0,"summary_index":0,"text":"Think.")"},
      {"response.output_item.done", fmt::format(R"("output_index":0,"item":{})", kThought)},
      {"response.output_item.added",
       R"("output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]})"},
      {"response.content_part.added",
       R"("item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""})"},
      {"response.output_text.delta",
       R"("item_id":"msg_1","output_index":1,"content_index":0,"delta":"Gr","logprobs":[],"obfuscation":"abc")"},
      {"response.output_text.delta",
       R"("item_id":"msg_1","output_index":1,"content_index":0,"delta":"\u00fc\u00df","logprobs":[],"obfuscation":"")"},
      {"response.output_text.delta",
       R"("item_id":"msg_1","output_index":1,"content_index":0,"delta":" Gott","logprobs":[],"obfuscation":"a")"},
      {"response.output_text.done", R"("item_id":"msg_1","output_index":1,"content_index":0,"text":"Grüß Gott")"},
      {"response.output_item.done", fmt::format(R"("output_index":1,"item":{})", kMessage)},
      {"response.output_item.added",
       R"("output_index":2,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"weather"})"},
      {"response.function_call_arguments.delta", R"("item_id":"fc_1","output_index":2,"delta":"{\"city\"")"},
      {"response.function_call_arguments.delta", R"("item_id":"fc_1","output_index":2,"delta":":\"Rome\"}")"},
      {"response.function_call_arguments.done",
       R"("item_id":"fc_1","output_index":2,"arguments":"{\"city\":\"Rome\"}")"},
      {"response.output_item.done", fmt::format(R"("output_index":2,"item":{})", kCall)},
      {"response.output_item.added",
       R"("output_index":3,"item":{"id":"fc_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_2","name":"clock"})"},
      {"response.output_item.done", fmt::format(R"("output_index":3,"item":{})", kSecondCall)},
      {"response.completed", ended(fmt::format("{},{},{},{}", kThought, kMessage, kCall, kSecondCall))},
  });
}

ChatResponse build(std::string_view body) {
  Fixture f;
  const auto decoder = transport().decoder(HttpHead{.status = 200, .headers = {}}, f.target(), {});
  detail::ResponseBuilder builder;
  REQUIRE_FALSE(decoder->feed(body, builder));
  REQUIRE_FALSE(decoder->finish(builder));
  return builder.take();
}

}  // namespace

TEST_CASE("a Responses answer reads the same whole and streamed, however its bytes are cut", "[responses]") {
  const Lines expected = {
      "start resp_1 gpt-5-2025",   "reasoning Think.",     "text Grüß Gott", "open 0 call_1 weather ",
      R"(call 0 {"city":"Rome"})", "open 1 call_2 clock ", "call 1 {}",      "finish tool_calls completed"};
  for (const std::string& body : {whole_answer(), streamed_answer()}) {
    const Heard heard = hear_responses(body);
    CHECK_FALSE(heard.failure);
    CHECK(heard.lines == expected);
    check_usage(heard.usage);
  }
}

TEST_CASE("what came is carried back as it was: thoughts with their seals, text, calls", "[responses]") {
  for (const std::string& body : {whole_answer(), streamed_answer()}) {
    ChatRequest next{
        .messages = {user("Hi"), build(body).message(), tool_result("call_1", "21"), tool_result("call_2", "noon")}};
    Fixture f;
    f.model = "gpt-5";
    const Result<HttpRequest> sent = transport().encode(next, f.target());
    REQUIRE(sent);
    CAPTURE(sent->body);
    CHECK(same_json(
        sent->body,
        R"({"model":"gpt-5","input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]},)"
        R"({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Think."}],"encrypted_content":"SEALED"},)"
        R"({"role":"assistant","content":[{"type":"output_text","text":"Grüß Gott"}]},)"
        R"({"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Rome\"}"},)"
        R"({"type":"function_call","call_id":"call_2","name":"clock","arguments":"{}"},)"
        R"({"type":"function_call_output","call_id":"call_1","output":"21"},)"
        R"({"type":"function_call_output","call_id":"call_2","output":"noon"}]})"));
  }
}

TEST_CASE("two thoughts that stand beside one another stay two", "[responses]") {
  const auto thought = [](std::string_view id, std::string_view words) {
    return fmt::format(R"({{"id":"{}","type":"reasoning","summary":[{{"type":"summary_text","text":"{}"}}]}})", id,
                       words);
  };
  std::vector<std::pair<std::string, std::string>> events{{"response.created", kCreated}};
  int place = 0;
  for (const auto& [id, words] : {std::pair("rs_1", "First."), std::pair("rs_2", "Second.")}) {
    const std::string where = fmt::format(R"("output_index":{})", place++);
    events.emplace_back("response.output_item.added",
                        fmt::format(R"({},"item":{{"id":"{}","type":"reasoning","summary":[]}})", where, id));
    events.emplace_back("response.reasoning_summary_text.delta", fmt::format(R"({},"delta":"{}")", where, words));
    events.emplace_back("response.output_item.done", where + R"(,"item":)" + thought(id, words));
  }
  const std::string both = thought("rs_1", "First.") + "," + thought("rs_2", "Second.");
  events.emplace_back("response.completed", ended(both));
  for (const std::string& body : {response(both), stream(events)}) {
    const Message message = build(body).message();
    REQUIRE(message.content.size() == 2);
    const auto& first = std::get<ReasoningPart>(message.content[0]);
    const auto& second = std::get<ReasoningPart>(message.content[1]);
    CHECK(first.id == "rs_1");
    CHECK(first.text == "First.");
    CHECK(second.id == "rs_2");
    CHECK(second.text == "Second.");
  }
}

TEST_CASE("a refusal is no text", "[responses]") {
  const std::string item =
      R"({"id":"msg_1","type":"message","role":"assistant","content":[{"type":"refusal","refusal":"I cannot."}]})";
  const std::string events = stream(
      {{"response.created", kCreated},
       {"response.output_item.added", R"("output_index":0,"item":{"id":"msg_1","type":"message","content":[]})"},
       {"response.refusal.delta", R"("item_id":"msg_1","output_index":0,"content_index":0,"delta":"I can")"},
       {"response.refusal.delta", R"("item_id":"msg_1","output_index":0,"content_index":0,"delta":"not.")"},
       {"response.refusal.done", R"("item_id":"msg_1","output_index":0,"content_index":0,"refusal":"I cannot.")"},
       {"response.output_item.done", R"("output_index":0,"item":)" + item},
       {"response.completed", ended(item)}});
  for (const std::string& body : {response(item), events}) {
    const Heard heard = hear_responses(body);
    CHECK_FALSE(heard.failure);
    CHECK(heard.lines == Lines{"start resp_1 gpt-5-2025", "refusal I cannot.", "finish stop completed"});
  }
}

TEST_CASE("an answer that was cut short says why", "[responses]") {
  const std::vector<std::pair<std::string, std::string>> reasons{
      {"max_output_tokens", "length"}, {"content_filter", "content_filter"}, {"something_new", "unknown"}};
  for (const auto& [reason, finish] : reasons) {
    CAPTURE(reason);
    std::string cut = response(kMessage, "incomplete");
    constexpr std::string_view kNone = R"("incomplete_details":null)";
    cut.replace(cut.find(kNone), kNone.size(), fmt::format(R"("incomplete_details":{{"reason":"{}"}})", reason));
    const std::string events =
        stream({{"response.created", kCreated},
                {"response.output_item.done", fmt::format(R"("output_index":0,"item":{})", kMessage)},
                {"response.incomplete", R"("response":)" + cut}});
    for (const std::string& body : {cut, events}) {
      const Heard heard = hear_responses(body);
      CHECK_FALSE(heard.failure);
      CHECK(heard.lines.back() == fmt::format("finish {} {}", finish, reason));
      check_usage(heard.usage);
    }
  }
}

TEST_CASE("items and notes that have no event of their own are handed on", "[responses]") {
  const std::string search = R"({"id":"ws_1","type":"web_search_call","status":"completed"})";
  const std::string custom = R"({"id":"ctc_1","type":"custom_tool_call","call_id":"c","name":"shell","input":"ls"})";
  const std::string note = R"({"type":"url_citation","url":"https://a.test","title":"A"})";
  const std::string message = fmt::format(
      R"({{"id":"msg_1","type":"message","content":[{{"type":"output_text","text":"See","annotations":[{}],"logprobs":[{{"token":"See","logprob":-0.1}}]}}]}})",
      note);
  const Heard heard = hear_responses(response(search + "," + custom + "," + message));
  CHECK_FALSE(heard.failure);
  CHECK(heard.lines == Lines{"start resp_1 gpt-5-2025", "part " + search, "part " + custom, "text See", "part " + note,
                             R"(logprobs [{"token":"See","logprob":-0.1}])", "finish stop completed"});
}

TEST_CASE("an error that comes inside a 200 is the error it names", "[responses]") {
  struct Row {
    std::string_view code;
    std::string_view message;
    FailureClass failure;
  };
  const std::vector<Row> rows{
      {"rate_limit_exceeded", "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000, Used 29000.",
       FailureClass::rate},
      {"insufficient_quota", "You exceeded your current quota.", FailureClass::quota},
      {"server_is_overloaded", "Our servers are currently overloaded.", FailureClass::capacity},
      {"context_length_exceeded", "Your input exceeds the context window of this model.", FailureClass::context},
      {"server_error", "An error occurred while processing your request.", FailureClass::server}};
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const std::string error = fmt::format(R"({{"code":"{}","message":"{}"}})", row.code, row.message);
    std::string failed = response("", "failed");
    constexpr std::string_view kNone = R"("error":null)";
    failed.replace(failed.find(kNone), kNone.size(), R"("error":)" + error);
    for (const std::string& body :
         {failed, stream({{"response.created", kCreated}, {"response.failed", R"("response":)" + failed}}),
          stream({{"response.created", kCreated}, {"error", R"("error":)" + error}}),
          stream({{"error", fmt::format(R"("code":"{}","message":"{}","param":null)", row.code, row.message)}})}) {
      CAPTURE(body);
      const Heard heard = hear_responses(body);
      REQUIRE(heard.failure);
      CHECK(to_string(heard.failure->failure) == to_string(row.failure));
      CHECK(heard.failure->code == row.code);
      CHECK(heard.failure->message == row.message);
    }
  }
}

TEST_CASE("a stream without its end is broken, wherever it stops", "[responses]") {
  const std::string whole = streamed_answer();
  const std::size_t last = whole.rfind("event: response.completed");
  Fixture f;
  for (std::size_t size = 0; size < last; size += 7) {
    const Heard heard = hear(transport(), f.target(), whole.substr(0, size));
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::server);
  }
  // The end's blank line is not waited for.
  CHECK_FALSE(hear(transport(), f.target(), whole.substr(0, whole.size() - 2)).failure);
}

TEST_CASE("an answer that is none is broken, not empty", "[responses]") {
  for (const char* body : {"", "   ", "{", "[]", "{}", R"({"output":"words"})", "<html><title>502</title></html>",
                           "data: {\n\n", "data: []\n\n", "event: response.completed\n\n"}) {
    CAPTURE(body);
    const Heard heard = hear_responses(body);
    REQUIRE(heard.failure);
    CHECK(heard.failure->failure == FailureClass::server);
  }
  Fixture f;
  const Bounds small{.max_body = 64, .max_event = 64};
  CHECK(hear(transport(), f.target(), whole_answer(), 16, small).failure);
  CHECK(hear(transport(), f.target(), streamed_answer(), 16, small).failure);
}

TEST_CASE("what the API answers with an error status is told apart", "[responses]") {
  struct Row {
    int status;
    std::string_view body;
    FailureClass failure;
  };
  const std::vector<Row> rows{
      {401,
       R"({"error":{"message":"Incorrect API key provided: sk-x.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})",
       FailureClass::auth},
      {400,
       R"({"error":{"message":"The requested model 'gpt-9' does not exist.","type":"invalid_request_error","param":"model","code":"model_not_found"}})",
       FailureClass::model},
      {400,
       R"({"error":{"message":"Unsupported parameter: 'max_tokens'.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}})",
       FailureClass::request},
      {400,
       R"({"error":{"message":"Item 'rs_1' of type 'reasoning' was provided without its required following item.","type":"invalid_request_error","param":"input","code":null}})",
       FailureClass::request},
      {404,
       R"({"error":{"message":"Previous response with id 'resp_0' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}})",
       FailureClass::request},
      {429,
       R"({"error":{"message":"Rate limit reached for gpt-5. Please try again in 174ms.","type":"tokens","param":null,"code":"rate_limit_exceeded"}})",
       FailureClass::rate},
      {503,
       R"({"error":{"message":"The server is currently overloaded.","type":"server_error","param":null,"code":"server_is_overloaded"}})",
       FailureClass::capacity},
      {500, R"({"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}})",
       FailureClass::server},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const Failure failure = transport().classify({.status = row.status, .headers = {}}, row.body, WallTime{});
    CHECK(to_string(failure.failure) == to_string(row.failure));
    CHECK(failure.status == row.status);
  }
}
