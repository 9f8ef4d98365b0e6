#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "cli_fixture.hpp"

using namespace keywheel::testing;

TEST_CASE("keywheel-load makes as many calls as it is told and adds them up", "[cli]") {
  CliFixture f;
  f.provider.script(f.keys[0], KeyScript::revoked());
  const ProcessResult result = f.run_load({"--model", "small", "--requests", "50", "--concurrency", "4"});
  CAPTURE(result.err);
  CHECK(result.status == 0);
  const rapidjson::Document report = json_line(result.out);
  CHECK(report["requests"].GetInt() == 50);
  CHECK(report["succeeded"].GetInt() == 50);
  CHECK(report["failed"].GetInt() == 0);
  CHECK(report["errors"].ObjectEmpty());
  const std::uint64_t arrived = f.provider.server().request_count();
  CHECK(arrived > 50);
  CHECK(report["attempts"].GetUint64() == arrived);
  CHECK(report["elapsed_s"].GetDouble() > 0);
  CHECK(report["calls_per_s"].GetDouble() > 0);
  CHECK(report["cpu_s"].GetDouble() >= 0);
  CHECK(report["max_rss_kib"].GetInt() > 1000);
  const auto& latency = report["latency_ms"];
  CHECK(latency["p50"].GetDouble() > 0);
  CHECK(latency["p50"].GetDouble() <= latency["p90"].GetDouble());
  CHECK(latency["p90"].GetDouble() <= latency["p99"].GetDouble());
  CHECK(latency["p99"].GetDouble() <= latency["max"].GetDouble());
  CHECK_FALSE(report.HasMember("ttft_ms"));
  REQUIRE(report["stats"]["credentials"].Size() == 2);
  CHECK(report["stats"]["credentials"][1]["successes"].GetInt() == 50);
}

TEST_CASE("keywheel-load keeps exactly as many calls in flight as it is told", "[cli]") {
  for (const std::vector<std::string>& form : {std::vector<std::string>{"--concurrency", "5"},
                                               {"--threads", "5"},
                                               {"--concurrency", "5", "--rate", "10000"}}) {
    CAPTURE(form);
    CliFixture f;
    f.provider.script_others({.reply = [](const ReceivedRequest& request, const Ask&) -> std::optional<Reply> {
      if (request.number > 5) return std::nullopt;
      Reply reply =
          Reply::json(200, R"({"choices":[{"index":0,"message":{"content":"held"},"finish_reason":"stop"}]})");
      reply.hold = "go";
      return reply;
    }});
    std::vector<std::string> command = {CliFixture::load(), "--config", f.config.path(), "--json",
                                        "--model",          "small",    "--requests",    "9"};
    command.insert(command.end(), form.begin(), form.end());
    Process process(std::move(command));
    REQUIRE(f.provider.server().wait_for_requests(5));
    CHECK(f.provider.server().request_count() == 5);
    f.provider.server().release("go");
    const ProcessResult result = process.wait();
    CAPTURE(result.err);
    const rapidjson::Document report = json_line(result.out);
    CHECK(report["succeeded"].GetInt() == 9);
    CHECK(f.provider.server().request_count() == 9);
  }
}

TEST_CASE("keywheel-load --rate starts no call before its time", "[cli]") {
  for (const char* form : {"--concurrency", "--threads"}) {
    CAPTURE(form);
    CliFixture f({"sk-only-0001"});
    const ProcessResult result = f.run_load({"--model", "small", "--requests", "11", form, "8", "--rate", "100"});
    CHECK(result.status == 0);
    const KeyLog log = f.provider.log(f.keys[0]);
    REQUIRE(log.entries.size() == 11);
    CHECK(log.entries.back().arrived - log.entries.front().arrived > std::chrono::milliseconds(50));
    CHECK(json_line(result.out)["elapsed_s"].GetDouble() >= 0.1);
  }
}

TEST_CASE("keywheel-load --stream times the first event", "[cli]") {
  CliFixture f;
  for (const char* form : {"--concurrency", "--threads"}) {
    const ProcessResult result =
        f.run_load({"--model", "small", "--requests", "20", form, "3", "--stream", "--prompt", "a b c"});
    const rapidjson::Document report = json_line(result.out);
    CHECK(report["succeeded"].GetInt() == 20);
    CHECK(report["ttft_ms"]["p50"].GetDouble() > 0);
    CHECK(report["ttft_ms"]["max"].GetDouble() <= report["latency_ms"]["max"].GetDouble());
  }
  CHECK(f.provider.log(f.keys[0]).entries.at(0).stream);
}

TEST_CASE("keywheel-load counts failures by kind and exits with 1", "[cli]") {
  CliFixture f;
  f.provider.script_others({.refuse = Fault{.kind = Fault::Kind::bad_request}});
  const ProcessResult result = f.run_load({"--model", "small", "--requests", "5", "--concurrency", "2"});
  CHECK(result.status == 1);
  const rapidjson::Document report = json_line(result.out);
  CHECK(report["failed"].GetInt() == 5);
  CHECK(report["succeeded"].GetInt() == 0);
  CHECK(report["errors"]["invalid_request"].GetInt() == 5);
  CHECK(report["latency_ms"]["p50"].IsNull());
}

TEST_CASE("keywheel-load exits with 2 on bad usage", "[cli]") {
  const CliFixture f;
  const std::vector<std::vector<std::string>> bad = {{},
                                                     {"--model", "small", "--requests", "5"},
                                                     {"--model", "small", "--concurrency", "5"},
                                                     {"--requests", "5", "--concurrency", "5"},
                                                     {"--model", "small", "--requests", "0", "--concurrency", "5"},
                                                     {"--model", "small", "--requests", "5", "--concurrency", "x"},
                                                     {"--model", "m", "--requests", "5", "--concurrency", "1", "word"}};
  for (const std::vector<std::string>& arguments : bad) {
    CAPTURE(arguments);
    const ProcessResult result = f.run_load(arguments);
    CHECK(result.status == 2);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("keywheel-load: "));
  }
}
