#include "providers/credential_fields.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config_json.hpp>
#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/presets.hpp"
#include "providers/registry.hpp"

/// The list of the fields that providers read of a credential. That none is read which is not in it, the compiler sees
/// to (CredentialField), but for the names in the presets' URLs.

using namespace keywheel;

namespace {

/// Everything that a call sends: the token's request and its own.
std::string sent(const Transport& transport, const ServiceConfig& service, std::string_view model) {
  const Target target{.service = service,
                      .credential = service.credentials.front(),
                      .base_url = service.base_url,
                      .model = model,
                      .now = WallTime(std::chrono::seconds(1'750'000'000)),
                      .token = service.credentials.front().api_key.empty() ? "token" : ""};
  std::string all;
  const auto add = [&all](const HttpRequest& request) {
    all += request.url + request.secret_query + std::string(request.body);
    for (const HttpHeader& header : request.headers) all += header.name + header.value;
  };
  const auto token = transport.token_request(target);
  if (!token) {
    all += token.error().message;
  } else if (*token) {
    add(**token);
  }
  const auto chat = transport.encode({.model = std::string(model), .messages = {user("hello")}}, target);
  if (chat) {
    add(*chat);
  } else {
    all += chat.error().message;
  }
  for (const std::string& fault : transport.check(service)) all += fault;
  return all;
}

/// Whether a service of the dialect says something else without the field.
bool reads(std::string_view provider, std::string_view api, std::string_view field) {
  const std::shared_ptr<const Transport> transport = detail::make_transport(provider, api);
  if (!transport) return false;
  for (const std::string_view base_url : {"https://host.test", "wss://host.test/chat"}) {
    for (const bool with_key : {false, true}) {
      for (const bool with_tokens : {false, true}) {
        ServiceConfig service{.provider = std::string(provider),
                              .id = "s",
                              .base_url = std::string(base_url),
                              .models = {"ep-1"},
                              .api = std::string(api)};
        CredentialConfig& key = service.credentials.emplace_back();
        key.region = "us-east-1";
        if (with_key) key.api_key = Secret("key");
        for (const std::string_view name : detail::kCredentialFields) {
          // "addresss" comes before "address".
          if ((with_tokens || !name.ends_with("token")) && !name.starts_with(field)) {
            key.fields[std::string(name)] = Secret(fmt::format("value-of-{}", name));
          }
        }
        key.fields[std::string(field)] = Secret("one");
        ServiceConfig other = service;
        other.credentials.front().fields[std::string(field)] = Secret("another");
        ServiceConfig none = service;
        none.credentials.front().fields.erase(std::string(field));
        const std::string first = sent(*transport, service, "ep-1");
        if (first != sent(*transport, other, "ep-1") || first != sent(*transport, none, "ep-1")) return true;
      }
    }
  }
  return false;
}

bool listed(std::string_view name) {
  const auto& all = detail::kCredentialFields;
  return std::find(all.begin(), all.end(), name) != all.end();
}

}  // namespace

TEST_CASE("every listed field of a credential is read by some provider", "[credential_fields]") {
  constexpr std::array<std::string_view, 7> kApis = {"", "native", "v1", "pro", "app", "run", "responses"};
  for (const std::string_view field : detail::kCredentialFields) {
    CAPTURE(field);
    bool read = false;
    for (const std::string_view provider : detail::provider_names()) {
      for (const std::string_view api : kApis) read = read || reads(provider, api, field);
    }
    CHECK(read);
  }
}

TEST_CASE("a credential's region reaches every dialect that has regions", "[credential_fields]") {
  struct Row {
    std::string_view provider;
    std::string_view api;
  };
  for (const Row row : {Row{"bedrock", ""}, Row{"vertexai", ""}, Row{"hunyuan", "native"}, Row{"huoshan", ""}}) {
    CAPTURE(row.provider);
    const auto from = [row](std::string region) {
      ServiceConfig service{.provider = std::string(row.provider), .id = "s", .models = {"ep-1"}};
      service.api = row.api;
      CredentialConfig& key = service.credentials.emplace_back();
      key.region = std::move(region);
      for (const std::string_view name : {"access_key", "access_token", "project_id", "secret_id", "secret_key"}) {
        key.fields[std::string(name)] = Secret(fmt::format("value-of-{}", name));
      }
      return sent(*detail::make_transport(row.provider, row.api), service, "ep-1");
    };
    CHECK(from("one-1") == from("one-1"));
    CHECK(from("one-1") != from("two-2"));
  }
}

TEST_CASE("every field in a preset's URL is listed", "[credential_fields]") {
  std::size_t found = 0;
  for (const detail::Preset& preset : detail::presets()) {
    const std::size_t open = preset.base_url.find('{');
    if (open == std::string_view::npos) continue;
    ++found;
    CAPTURE(preset.base_url);
    CHECK(listed(preset.base_url.substr(open + 1, preset.base_url.find('}') - open - 1)));
  }
  CHECK(found == 1);
}

TEST_CASE("a config may hold every listed field without a warning", "[credential_fields]") {
  std::string fields;
  for (const std::string_view name : detail::kCredentialFields) {
    if (name != "json_file") fields += fmt::format(R"(,"{}":"v")", name);
  }
  const auto config = parse_config(
      R"({"services":{"cloudflare":[{"enabled":true,"models":["m"],"credentials":{"api_key":"k")" + fields + "}}]}}");
  REQUIRE(config);
  for (const std::string& warning : config->warnings) CHECK(warning.find("no provider reads") == std::string::npos);
}

TEST_CASE("a slip of the pen in a field's name is told", "[credential_fields]") {
  const auto config = parse_config(
      R"({"services":{"cloudflare":[{"enabled":true,"models":["m"],"credentials":{"api_key":"k","acount_id":"v"}}]}})");
  REQUIRE(config);
  const auto told = [](const std::string& warning) {
    return warning.find("acount_id: no provider reads this key; did you mean \"account_id\"?") != std::string::npos;
  };
  CHECK(std::count_if(config->warnings.begin(), config->warnings.end(), told) == 1);
}
