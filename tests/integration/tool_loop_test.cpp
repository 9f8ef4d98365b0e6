#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <keywheel/tools.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"
#include "integration/router_fixture.hpp"

/// run_tools(): the model is called, its functions are run, until it answers.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

using Run = std::function<Result<std::string>(const ToolCall&)>;

Run says(std::string text) {
  return [text = std::move(text)](const ToolCall&) -> Result<std::string> { return text; };
}

std::vector<ToolFunction> functions(Run weather, Run clock) {
  return {{.tool = {.name = "weather",
                    .description = "The weather in a city",
                    .parameters = R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"},
           .run = std::move(weather)},
          {.tool = {.name = "clock",
                    .description = "The time in a zone",
                    .parameters = R"({"type":"object","properties":{"zone":{"type":"string"}},"required":["zone"]})"},
           .run = std::move(clock)}};
}

/// Both have come, or nobody goes on.
class Meeting {
 public:
  void join() {
    std::unique_lock lock(mutex_);
    ++here_;
    all_here_.notify_all();
    all_here_.wait(lock, [this] { return here_ == 2; });
  }

 private:
  std::mutex mutex_{};
  std::condition_variable all_here_{};
  int here_ = 0;
};

std::string why(const Result<ToolRun>& run) { return run ? std::string() : run.error().message; }

}  // namespace

TEST_CASE("the tool loop ends with an answer from every provider that has tools", "[tools]") {
  RoundTrip trip(GENERATE(from_range(provider_cases())));
  const bool stream = GENERATE(false, true);
  CAPTURE(trip.provider, stream);
  const ChatRequest request{.model = trip.provider.model, .messages = {user("Rome")}};
  std::string pushed;
  std::vector<std::string> told;
  ToolLoopOptions options;
  options.on_result = [&](const ToolCall& call, const Message& result) { told.push_back(call.name + result.text()); };
  if (stream) {
    options.on_event = [&](const ChatEvent& event) {
      pushed += event.text();
      return Flow::proceed;
    };
  }
  const Result<ToolRun> run = run_tools(*trip.router, request, functions(says("21 degrees"), says("noon")), options);
  if (!trip.provider.capabilities().tools) {
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::unsupported);
    CHECK(run.error().message.find("tools") != std::string::npos);
    CHECK(told.empty());
    return;
  }
  INFO(why(run));
  REQUIRE(run);
  const bool both = trip.provider.capabilities().parallel_tools;
  CHECK(run->response.text() == (both ? "The tool said: 21 degrees and noon" : "The tool said: 21 degrees"));
  CHECK(run->complete);
  CHECK(run->rounds == 2);
  CHECK(run->response.attempts.size() == 2);
  CHECK(told == (both ? std::vector<std::string>{"weather21 degrees", "clocknoon"}
                      : std::vector<std::string>{"weather21 degrees"}));
  REQUIRE(run->messages.size() == (both ? 5 : 4));
  CHECK(run->messages.back().text() == run->response.text());
  CHECK(run->usage.total_tokens.value_or(run->usage.prompt_tokens.value_or(0)) >
        run->response.usage.total_tokens.value_or(run->response.usage.prompt_tokens.value_or(0)));
  if (stream) CHECK(pushed == run->response.text());
}

TEST_CASE("functions that are asked for at once run at once", "[tools]") {
  const RouterFixture fixture;
  Router router = fixture.router();
  Meeting meeting;
  const auto meet = [&](const ToolCall& call) -> Result<std::string> {
    meeting.join();
    return call.name;
  };
  const Result<ToolRun> run = run_tools(router, RouterFixture::request("Rome"), functions(meet, meet));
  INFO(why(run));
  REQUIRE(run);
  CHECK(run->response.text() == "The tool said: weather and clock");
}

TEST_CASE("functions that may not run at once run in turn, on the caller's thread", "[tools]") {
  const RouterFixture fixture;
  Router router = fixture.router();
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<std::string> order;
  const auto note = [&](const ToolCall& call) -> Result<std::string> {
    order.push_back(call.name);
    CHECK(std::this_thread::get_id() == caller);
    return call.arguments;
  };
  const Result<ToolRun> run = run_tools(router, RouterFixture::request("Rome"), functions(note, note), {.parallel = 1});
  INFO(why(run));
  REQUIRE(run);
  CHECK(order == std::vector<std::string>{"weather", "clock"});
}

TEST_CASE("a function's failure is told to the model, whatever its kind", "[tools]") {
  const RouterFixture fixture;
  Router router = fixture.router();
  std::vector<bool> failed;
  const ToolLoopOptions options{.on_result = [&](const ToolCall&, const Message& m) { failed.push_back(m.failed); }};
  const auto refuses = [](const ToolCall&) -> Result<std::string> {
    return Error{.kind = ErrorKind::server_error, .message = "no weather today"};
  };
  const auto throws = [](const ToolCall&) -> Result<std::string> { throw std::runtime_error("the clock stands"); };
  Result<ToolRun> run = run_tools(router, RouterFixture::request("Rome"), functions(refuses, throws), options);
  INFO(why(run));
  REQUIRE(run);
  CHECK(run->response.text() == "The tool said: no weather today and The function failed: the clock stands");
  CHECK(failed == std::vector<bool>{true, true});

  // A function that is not among the caller's: here a tool that the request brought along.
  ChatRequest request = RouterFixture::request("Rome");
  request.tools = {{.name = "stranger"}};
  run = run_tools(router, request, {});
  REQUIRE(run);
  CHECK(run->response.text() == "The tool said: There is no function named \"stranger\".");
}

TEST_CASE("what a function throws that is no exception ends the loop", "[tools]") {
  const RouterFixture fixture;
  Router router = fixture.router();
  const auto throws = [](const ToolCall&) -> Result<std::string> { throw 7; };
  CHECK_THROWS_AS(run_tools(router, RouterFixture::request("Rome"), functions(throws, throws)), int);
}

TEST_CASE("a loop that does not end is ended", "[tools]") {
  RouterFixture fixture;
  fixture.provider.script_others({.reply = [](const ReceivedRequest&, const Ask&) {
    return std::optional(Reply::json(
        200,
        R"({"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"clock","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"));
  }});
  Router router = fixture.router();
  int runs = 0;
  const auto count = [&](const ToolCall&) -> Result<std::string> { return std::to_string(++runs); };
  const Result<ToolRun> run = run_tools(router, RouterFixture::request(), functions(count, count), {.max_rounds = 3});
  INFO(why(run));
  REQUIRE(run);
  CHECK_FALSE(run->complete);
  CHECK(run->rounds == 3);
  CHECK(runs == 2);
  CHECK(run->usage.total_tokens == 15);
  CHECK(run->response.attempts.size() == 3);
  CHECK(run->response.tool_calls().size() == 1);
}

TEST_CASE("a result that is too long is cut between two characters", "[tools]") {
  const RouterFixture fixture;
  Router router = fixture.router();
  const Result<ToolRun> run =
      run_tools(router, RouterFixture::request("Rome"), functions(says("Grüße"), says("noon")), {.max_result = 3});
  INFO(why(run));
  REQUIRE(run);
  CHECK(run->messages[2].text() == "Gr\n[cut: the result was longer than 3 bytes]");
  CHECK(run->messages[3].text() == "noo\n[cut: the result was longer than 3 bytes]");
}

TEST_CASE("an error of a later round has the attempts of all", "[tools]") {
  RouterFixture fixture;
  fixture.provider.script_others(KeyScript::throttled_after(1, std::nullopt));
  fixture.config.retry.max_attempts = 1;
  Router router = fixture.router();
  const Result<ToolRun> run = run_tools(router, RouterFixture::request("Rome"), functions(says("a"), says("b")));
  REQUIRE_FALSE(run);
  CHECK(run.error().kind == ErrorKind::rate_limited);
  REQUIRE(run.error().attempts.size() == 2);
  CHECK(run.error().attempts[0].status == 200);
  CHECK(run.error().attempts[1].status == 429);
}

TEST_CASE("a forced call is forced once", "[tools]") {
  RouterFixture fixture;
  std::mutex mutex;
  std::vector<std::string> bodies;
  fixture.provider.script_others({.reply = [&](const ReceivedRequest& request, const Ask&) -> std::optional<Reply> {
    const std::lock_guard lock(mutex);
    bodies.emplace_back(request.body);
    return std::nullopt;
  }});
  Router router = fixture.router();
  ChatRequest request = RouterFixture::request("Rome");
  request.tool_choice = ToolChoice{.mode = ToolChoice::Mode::required};
  const Result<ToolRun> run = run_tools(router, request, functions(says("a"), says("b")));
  INFO(why(run));
  REQUIRE(run);
  CHECK(run->complete);
  REQUIRE(bodies.size() == 2);
  CHECK(bodies[0].find("tool_choice") != std::string::npos);
  CHECK(bodies[1].find("tool_choice") == std::string::npos);
}
