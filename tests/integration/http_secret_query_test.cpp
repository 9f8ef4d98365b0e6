#include <catch2/catch_test_macros.hpp>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

TEST_CASE("the secret part of a URL goes out behind the rest", "[http]") {
  Received seen;
  Server server(echo([&](const Received& received) {
    seen = received;
    return "ok";
  }));
  const auto loop = Loop::create({});
  for (const auto& [path, line] : {std::pair{"/chat", "POST /chat?access_token=t%2F1 HTTP/1.1\r\n"},
                                   std::pair{"/chat?a=b", "POST /chat?a=b&access_token=t%2F1 HTTP/1.1\r\n"}}) {
    Recorder recorder(*loop);
    run(*loop, recorder, {.url = server.url(path), .secret_query = "access_token=t%2F1", .body = "{}"});
    CHECK(recorder.end.kind == Kind::complete);
    CHECK(seen.head.starts_with(line));
  }
}

TEST_CASE("a key in the URL needs https like one in a header, and no error quotes it", "[http]") {
  const auto loop = Loop::create({});
  Recorder recorder(*loop);
  run(*loop, recorder, {.url = "http://192.0.2.1/chat", .secret_query = "access_token=hush", .body = "{}"});
  CHECK(recorder.end.kind == Kind::refused);
  CHECK(recorder.end.message.find("hush") == std::string::npos);
  CHECK(recorder.sent == 0);
}
