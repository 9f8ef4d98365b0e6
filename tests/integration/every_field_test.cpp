#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "integration/provider_cases.hpp"
#include "integration/request_fields.hpp"
#include "providers/registry.hpp"

/// Nothing is silently dropped: every member of a request stands in what every provider is sent, or the request is
/// refused by its name, or a warning names it.

using namespace keywheel;
using namespace keywheel::testing;

namespace {

void spark(CredentialConfig& credential, const std::string& key, const std::string& /*url*/) {
  credential.api_key = Secret(key);
  credential.fields = {{"appid", "app"}, {"api_secret", "secret"}};
}
void aws(CredentialConfig& credential, const std::string& key, const std::string& /*url*/) {
  credential.api_key = Secret(key);
  credential.region = "us-east-1";
}

/// The cases of the loopback provider, and models that their encoders treat apart.
std::vector<ProviderCase> dialects() {
  std::vector<ProviderCase> all = provider_cases();
  const std::vector<ProviderCase> more = {
      {.provider = "xinghuo", .model = "spark-max", .credential = &spark, .note = "websocket"},
      {.provider = "claude", .model = "claude-sonnet-4-5", .note = "thinks by budget"},
      {.provider = "claude", .model = "claude-opus-4-7", .note = "adapts"},
      {.provider = "claude", .model = "claude-3-5-sonnet-20241022", .note = "does not think"},
      {.provider = "gemini", .model = "gemini-2.5-flash", .note = "2.5"},
      {.provider = "gemini", .model = "gemini-3-pro-preview", .note = "3"},
      {.provider = "bedrock", .model = "anthropic.claude-sonnet-4-5-v1:0", .credential = &aws, .note = "claude"},
      {.provider = "bedrock", .model = "amazon.nova-2-lite-v1:0", .credential = &aws, .note = "nova"},
      {.provider = "huoshan", .path = "/api/v3", .model = "bot-1", .note = "bot"},
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// What one provider is sent.
class Wire {
 public:
  explicit Wire(const ProviderCase& one)
      : one_(one),
        transport_(detail::make_transport(one.provider, one.api)),
        service_(one.service(one.note == "websocket" ? "wss://spark-api.xf-yun.com" : "http://127.0.0.1:9", {"key"})) {}

  Result<std::string> send(const ChatRequest& request, std::vector<std::string>& warnings) const {
    const Target target{.service = service_,
                        .credential = service_.credentials.front(),
                        .base_url = service_.base_url,
                        .model = one_.model,
                        .stream = true,
                        .now = WallTime(std::chrono::seconds(1'750'000'000)),
                        .token = "token",
                        .on_unsupported = request.on_unsupported,
                        .warnings = &warnings};
    const Result<HttpRequest> sent = transport_->encode(request, target);
    if (!sent) return sent.error();
    return sent->url + "\n" + std::string(sent->body) + "\n" +
           std::string(HttpHead{.headers = sent->headers}.find("x-mark"));
  }

 private:
  const ProviderCase& one_;
  std::shared_ptr<const Transport> transport_;
  ServiceConfig service_;
};

bool named(const std::vector<std::string>& warnings, std::string_view name) {
  return std::any_of(warnings.begin(), warnings.end(),
                     [name](const std::string& warning) { return warning.find(name) != std::string::npos; });
}

/// What is left of a part that could not be written, and was.
std::size_t empty_strings(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("\"\""); at != std::string_view::npos; at = text.find("\"\"", at + 2)) ++count;
  return count;
}

/// `word` is among the words of `list`.
bool among(std::string_view list, std::string_view word) {
  for (std::size_t at = list.find(word); at != std::string_view::npos; at = list.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ')) return true;
  }
  return false;
}

bool must_carry(const RequestField& field, const ProviderCase& one) {
  // Vertex AI speaks as the model's maker does.
  if (one.model.starts_with("claude")) return among(field.hint_for, "claude");
  return among(field.hint_for, one.api.empty() ? one.provider : one.api);
}

}  // namespace

TEST_CASE("every member of a request is sent, or refused by its name, or warned of", "[fields]") {
  const ProviderCase one = GENERATE(from_range(dialects()));
  const Wire wire(one);
  for (const RequestField& field : request_fields()) {
    CAPTURE(one, field.what, field.name);
    ChatRequest without{.model = one.model, .messages = {user("hello")}};
    if (field.before) field.before(without);
    ChatRequest with = without;
    field.set(with);
    std::vector<std::string> nothing;
    const Result<std::string> plain = wire.send(without, nothing);
    if (!plain) continue;  // what it needs around it cannot be said here

    std::vector<std::string> warnings;
    const Result<std::string> sent = wire.send(with, warnings);
    if (sent) {
      const bool said = *sent != *plain && (field.mark.empty() || sent->find(field.mark) != std::string::npos);
      CAPTURE(*sent);
      if (field.hint_for.empty()) {
        CHECK((said || named(warnings, field.name)));
      } else {
        CHECK((said || !must_carry(field, one)));
      }
      continue;
    }
    CAPTURE(sent.error().message);
    CHECK(field.hint_for.empty());
    CHECK(to_string(sent.error().kind) == to_string(ErrorKind::unsupported));
    CHECK(sent.error().message.find(field.name) != std::string::npos);

    // With leave to leave it out, the rest is sent as it stands. Of a part nothing is left, though its message may be
    // written as a list then.
    with.on_unsupported = without.on_unsupported = OnUnsupported::warn;
    const Result<std::string> rest = wire.send(with, warnings);
    CAPTURE(rest ? std::string() : rest.error().message);
    REQUIRE(rest);
    CAPTURE(*rest);
    CHECK(named(warnings, field.name));
    if (field.name.starts_with("messages")) {
      CHECK((field.mark.empty() || rest->find(field.mark) == std::string::npos));
      CHECK(empty_strings(*rest) == empty_strings(*plain));
    } else {
      CHECK(*rest == *wire.send(without, nothing));
    }
  }
}
