#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"

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

bool encodes(const Transport& transport, const Dialect& dialect, const ChatRequest& request) {
  ServiceConfig service{.provider = std::string(dialect.provider),
                        .id = "s",
                        .base_url = "https://host.test",
                        .api = std::string(dialect.api)};
  service.options = {{"account_id", "a"}, {"app_id", "a"}, {"bot_id", "b"}, {"region", "us-east-1"}};
  const CredentialConfig key = credential();
  const Target target{
      .service = service, .credential = key, .base_url = service.base_url, .model = "some-model", .token = "token"};
  return transport.encode(request, target).has_value();
}

ChatRequest plain() { return {.model = "some-model", .messages = {user("hello")}}; }

ChatRequest with(Part part) {
  return {.model = "some-model", .messages = {user(std::vector<Part>{text("look"), std::move(part)})}};
}

std::string row(const Dialect& dialect, const Capabilities& can) {
  const auto mark = [](bool yes) { return yes ? "yes" : "–"; };
  return fmt::format(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
      dialect.api.empty() ? std::string(dialect.provider) : fmt::format("{} ({})", dialect.provider, dialect.api),
      mark(can.tools), mark(can.parallel_tools), mark(can.images), mark(can.audio), mark(can.files),
      mark(can.json_schema), mark(can.reasoning), mark(can.embeddings), mark(can.listing));
}

}  // namespace

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
    request.response_format = {
        .type = ResponseFormat::Type::json_schema, .name = "answer", .schema = R"({"type":"object"})"};
    CHECK(as_said(encodes(*transport, dialect, request), can.json_schema));
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
