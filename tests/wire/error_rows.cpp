#include "wire/error_rows.hpp"

#include <memory>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "wire/answer_script.hpp"

namespace keywheel::testing {
namespace {

/// The first failure that the answer's body comes to.
std::optional<Failure> failure_in(DialectUnderTest& dialect, const HttpHead& head, std::string_view body) {
  const Target target = dialect.target("model", head.find("content-type") != "application/json");
  const std::unique_ptr<Decoder> decoder = dialect.transport->decoder(head, target, Bounds{});
  AnswerScript script;
  std::optional<Failure> failure = decoder->feed(body, script);
  return failure ? failure : decoder->finish(script);
}

void check_row(const ErrorRow& row) {
  INFO(row.provider << " " << row.status << " " << row.body);
  const std::size_t slash = row.provider.find('/');
  DialectUnderTest dialect{std::string(row.provider.substr(0, slash))};
  const std::string_view api = slash == std::string_view::npos ? "" : row.provider.substr(slash + 1);
  // Which of Spark's ways it is shows from the address.
  if (api == "ws") dialect.service.base_url = "wss://spark-api.xf-yun.com";
  if (!api.empty() && api != "ws") dialect.transport = detail::make_transport(dialect.service.provider, api);
  REQUIRE(dialect.transport != nullptr);

  HttpHead head{.status = row.status, .headers = row.headers};
  const bool stream = row.body.starts_with("data:") || row.body.starts_with("event:");
  if (head.find("content-type").empty())
    head.headers.push_back({"Content-Type", stream ? "text/event-stream" : "application/json"});
  const std::optional<Failure> failure = row.status == 200
                                             ? failure_in(dialect, head, row.body)
                                             : dialect.transport->classify(head, row.body, dialect.target("model").now);
  REQUIRE(failure);
  CHECK(to_string(failure->failure) == to_string(row.failure));
  CHECK(to_string(failure->scope) == to_string(row.scope));
  CHECK(to_string(failure->error_kind()) == to_string(row.kind.value_or(Failure{.failure = row.failure}.error_kind())));
  CHECK(failure->retry_after.value_or(std::chrono::milliseconds(-1)).count() ==
        row.wait.value_or(std::chrono::milliseconds(-1)).count());
  CHECK_FALSE(failure->message.empty());
}

}  // namespace

void check_rows(std::initializer_list<ErrorRow> rows) {
  for (const ErrorRow& row : rows) check_row(row);
}

std::string openai_error(std::string_view message, std::string_view code, std::string_view type) {
  const std::string quoted = code.empty() ? "null" : fmt::format("\"{}\"", code);
  return fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":{}}}}})", message, type, quoted);
}

std::string openai_finish(std::string_view reason, bool spoken) {
  const std::string said =
      spoken ? sse(R"({"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]})") : "";
  return said + sse(fmt::format(R"({{"id":"1","choices":[{{"index":0,"delta":{{}},"finish_reason":"{}"}}]}})", reason));
}

std::string sse(std::string_view json, std::string_view event) {
  return event.empty() ? fmt::format("data: {}\n\n", json) : fmt::format("event: {}\ndata: {}\n\n", event, json);
}

}  // namespace keywheel::testing
