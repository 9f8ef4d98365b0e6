#include "integration/provider_cases.hpp"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "providers/openai.hpp"
#include "providers/registry.hpp"
#include "support/dialect_base.hpp"
#include "support/dialects.hpp"

namespace keywheel::testing {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

std::string new_private_key() {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_RSA_gen(1024));
  const std::unique_ptr<BIO, Free> out(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

using Credential = CredentialConfig;
using Text = const std::string&;

void vertex(Credential& c, Text key, Text url) {
  c.fields = {
      {"project_id", "my-project"}, {"location", "us-central1"}, {"json_file", Secret(service_account(key, url))}};
}
void bedrock(Credential& c, Text key, Text /*url*/) {
  c.fields = {{"access_key", Secret(key)}, {"secret_key", "aws-secret"}};
  c.region = "us-east-1";
}
void bedrock_key(Credential& c, Text key, Text /*url*/) {
  c.api_key = Secret(key);
  c.region = "us-east-1";
}
void hunyuan(Credential& c, Text key, Text /*url*/) {
  c.fields = {{"secret_id", Secret(key)}, {"secret_key", "tencent-secret"}};
}
void qianfan(Credential& c, Text key, Text /*url*/) {
  c.api_key = Secret(key);
  c.fields = {{"secret_key", "baidu-secret"}};
}
void minimax(Credential& c, Text key, Text /*url*/) {
  c.api_key = Secret(key);
  c.fields = {{"group_id", "group-1"}};
}
void ark(Credential& c, Text key, Text /*url*/) {
  c.fields = {{"access_key", Secret(key)}, {"secret_key", "volc-secret"}};
}
void spark(Credential& c, Text key, Text /*url*/) {
  c.api_key = Secret(key);
  c.fields = {{"api_secret", "spark-secret"}};
}

/// Those that are more than a Bearer key at …/v1.
std::vector<ProviderCase> own_cases() {
  return {
      {.provider = "openai", .path = "/v1"},
      {.provider = "openai", .api = "responses", .path = "/v1"},
      {.provider = "azure", .note = "deployments"},
      {.provider = "azure",
       .path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
       .note = "url"},
      {.provider = "azure", .path = "/openai/v1", .note = "v1"},
      {.provider = "azure", .api = "responses"},
      {.provider = "claude"},
      {.provider = "anthropic", .path = "/v1"},
      {.provider = "gemini"},
      {.provider = "vertexai", .model = "gemini-2.5-flash", .credential = &vertex, .note = "gemini"},
      {.provider = "vertexai", .model = "claude-sonnet-4-5", .credential = &vertex, .note = "claude"},
      {.provider = "bedrock", .credential = &bedrock, .note = "signed"},
      {.provider = "bedrock", .credential = &bedrock_key, .note = "key"},
      {.provider = "hunyuan", .api = "native", .credential = &hunyuan},
      {.provider = "hunyuan", .api = "compatible", .path = "/v1"},
      {.provider = "qianfan", .api = "v1", .model = "ERNIE-Speed-8K", .credential = &qianfan},
      {.provider = "qianfan", .api = "v2", .path = "/v2"},
      {.provider = "minimax", .path = "/v1", .compatible = true},
      {.provider = "minimax", .path = "/v1/text/chatcompletion_v2", .note = "v2", .compatible = true},
      {.provider = "minimax",
       .api = "pro",
       .path = "/v1/text/chatcompletion_pro",
       .credential = &minimax,
       .splits_usage = false},
      {.provider = "huoshan", .path = "/api/v3"},
      {.provider = "huoshan",
       .path = "/api/v3",
       .model = "ep-1",
       .credential = &ark,
       .note = "fetched key",
       .url_as_option = true},
      {.provider = "dashscope", .api = "native"},
      {.provider = "dashscope", .api = "compatible", .path = "/compatible-mode/v1"},
      {.provider = "bailian", .path = "/compatible-mode/v1", .compatible = true},
      {.provider = "bailian", .api = "app", .options = {{"app_id", "app-1"}}},
      {.provider = "zhipu", .path = "/api/paas/v4"},
      {.provider = "xinghuo", .path = "/v1", .credential = &spark, .key_suffix = ":spark-secret", .compatible = true},
      {.provider = "dify", .path = "/v1"},
      {.provider = "coze", .path = "/v3", .options = {{"bot_id", "bot-1"}}, .always_streams = true},
      {.provider = "cloudflare", .path = "/client/v4/accounts/a-1/ai/v1", .options = {{"account_id", "a-1"}}},
      {.provider = "cloudflare", .api = "run", .options = {{"account_id", "a-1"}}, .ends_silently = true},
      {.provider = "cohere"},
      {.provider = "ollama"},
      {.provider = "ollama", .api = "native"},
      {.provider = "ollama", .api = "compatible", .path = "/v1"},
  };
}

Result<HttpRequest> encode(const ProviderCase& one, const Transport& transport) {
  const ServiceConfig service = one.service("http://127.0.0.1:9", {"key"});
  const Target target{.service = service,
                      .credential = service.credentials.front(),
                      .base_url = service.base_url,
                      .model = one.model,
                      .token = "token"};
  return transport.encode({.model = one.model, .messages = {user("hello")}}, target);
}

/// Whether it is known here, and talks: some only embed.
bool talks(const ProviderCase& one) {
  const std::shared_ptr<const Transport> transport = detail::make_transport(one.provider, one.api);
  if (!transport) return false;
  const Result<HttpRequest> sent = encode(one, *transport);
  return sent || sent.error().kind != ErrorKind::unsupported;
}

}  // namespace

std::string ProviderCase::name() const {
  std::string name = provider;
  for (const std::string& more : {api, note}) {
    if (!more.empty()) name += " " + more;
  }
  return name;
}

std::ostream& operator<<(std::ostream& out, const ProviderCase& provider) { return out << provider.name(); }

Capabilities ProviderCase::capabilities() const {
  if (compatible) return detail::make_openai_transport(*detail::find_preset(provider))->capabilities();
  return detail::make_transport(provider, api)->capabilities();
}

std::string ProviderCase::dialect() const {
  if (provider != "ollama" || !api.empty()) return api;
  const Result<HttpRequest> sent = encode(*this, *detail::make_transport(provider, api));
  return sent && sent->url.ends_with("/api/chat") ? "native" : api;
}

ServiceConfig ProviderCase::service(const std::string& url, const std::vector<std::string>& keys) const {
  ServiceConfig service{.provider = provider, .id = "main", .base_url = url + path, .models = {model}};
  service.api = api;
  service.options = options;
  if (url_as_option) service.options["control_url"] = url;
  service.rotation = Rotation::first;
  for (const std::string& key : keys) {
    CredentialConfig& made = service.credentials.emplace_back();
    if (credential) {
      credential(made, key, url);
    } else {
      made.api_key = Secret(key);
    }
    made.limits.timeout = std::chrono::seconds(1);
  }
  return service;
}

std::vector<ProviderCase> provider_cases() {
  std::vector<ProviderCase> cases = own_cases();
  for (const std::string_view name : detail::provider_names()) {
    const bool own =
        std::any_of(cases.begin(), cases.end(), [&](const ProviderCase& one) { return one.provider == name; });
    if (!own) cases.push_back({.provider = std::string(name), .path = "/v1"});
  }
  cases.erase(std::remove_if(cases.begin(), cases.end(), [](const ProviderCase& one) { return !talks(one); }),
              cases.end());
  return cases;
}

void add_dialects(ProviderEngine& engine, std::string_view provider, std::string_view api) {
  engine.add_dialect(make_dialect(provider, api));
  if (provider == "ollama" && api.empty()) engine.add_dialect(ollama_dialect());
}

RoundTrip::RoundTrip(const ProviderCase& provider_case, int keys) : provider(provider_case) {
  add_dialects(loopback.engine(), provider.provider, provider.dialect());
  std::vector<std::string> names;
  for (int i = 1; i <= keys; ++i) names.push_back(fmt::format("key-{}-of-{}", i, provider.provider));
  config.services.push_back(provider.service(loopback.url(), names));
  config.retry.backoff = std::chrono::milliseconds(1);
  config.retry.max_backoff = std::chrono::milliseconds(5);
  router = std::make_unique<Router>(config);
}

std::string RoundTrip::key(int number) const {
  return fmt::format("key-{}-of-{}{}", number, provider.provider, provider.key_suffix);
}

Result<ChatResponse> RoundTrip::chat(const ChatRequest& request, bool stream) {
  pushed.clear();
  pieces = 0;
  if (!stream) return router->chat(request);
  return router->chat(request, [this](const ChatEvent& event) {
    pushed += event.text();
    pieces += event.text().empty() ? 0 : 1;
  });
}

std::string service_account(const std::string& email, const std::string& url) {
  static const std::string private_key = new_private_key();
  return fill(
      R"({"type":"service_account","project_id":"my-project","private_key_id":"kid-1","private_key":$key,"client_email":$email,"token_uri":$uri})",
      {{"key", testing::quoted(private_key)},
       {"email", testing::quoted(email)},
       {"uri", testing::quoted(url + "/token")}});
}

}  // namespace keywheel::testing
