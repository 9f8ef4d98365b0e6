// A provider of your own: an internal API that no library knows, with a signature of its own, JSON that is nobody
// else's, and a stream of one JSON object a line. Its Transport is all that keywheel needs; keys, retries and streams
// are as for any other provider.
//
//     custom_transport [PROMPT]
//
// The API, which is invented here, is played by this program itself. Of its two keys, one is at its limit.

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/keywheel.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "played_api.hpp"

namespace {

constexpr std::string_view kPath = "/v1/answers";

/// HMAC-SHA256 over the path, the time and the body, in hexadecimal.
std::string signature(std::string_view secret, std::string_view time, std::string_view body) {
  const std::string text = std::string(kPath) + '\n' + std::string(time) + '\n' + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4U];
    hex += "0123456789abcdef"[digest[i] & 15U];
  }
  return hex;
}

std::string_view string_of(const rapidjson::Value& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || !member->value.IsString()) return {};
  return {member->value.GetString(), member->value.GetStringLength()};
}

std::optional<std::int64_t> count_of(const rapidjson::Value& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || !member->value.IsInt64()) return std::nullopt;
  return member->value.GetInt64();
}

/// What the API's faults mean: whose fault each is, and how far it reaches. With that, keywheel knows what to do.
keywheel::Failure failure_of(std::string_view fault, std::string_view why) {
  using keywheel::FailureClass;
  using keywheel::Scope;
  struct Fact {
    std::string_view fault;
    FailureClass failure;
    Scope scope;
  };
  constexpr Fact kFacts[] = {
      {"throttled", FailureClass::rate, Scope::key},          {"spent", FailureClass::quota, Scope::account},
      {"unknown_key", FailureClass::auth, Scope::key},        {"wrong_time", FailureClass::clock, Scope::host},
      {"no_engine", FailureClass::model, Scope::key_model},   {"busy", FailureClass::capacity, Scope::service_model},
      {"not_understood", FailureClass::request, Scope::call},
  };
  keywheel::Failure failure{.failure = FailureClass::server,
                            .scope = Scope::service_model,
                            .message = std::string(why),
                            .code = std::string(fault)};
  for (const Fact& fact : kFacts) {
    if (fact.fault != fault) continue;
    failure.failure = fact.failure;
    failure.scope = fact.scope;
  }
  return failure;
}

/// {"say":"Hel"}, {"say":"lo"}, {"end":"done","in":3,"out":1}: each on a line of its own. A whole answer is one line
/// with all of it, so one Decoder reads both.
class AnswerDecoder final : public keywheel::Decoder {
 public:
  explicit AnswerDecoder(std::size_t longest) : longest_(longest) {}

  std::optional<keywheel::Failure> feed(std::string_view bytes, keywheel::EventSink& sink) override {
    progress_ += bytes.size();
    line_ += bytes;  // pieces are cut anywhere
    for (std::size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      if (auto failure = read(line_.substr(0, end), sink)) return failure;
      line_.erase(0, end + 1);
    }
    if (line_.size() > longest_) return broken("a line of the answer is too long");
    return std::nullopt;
  }

  std::optional<keywheel::Failure> finish(keywheel::EventSink& sink) override {
    if (!line_.empty()) {
      if (auto failure = read(line_, sink)) return failure;
    }
    return ended_ ? std::nullopt : std::optional(broken("the answer broke off before its end"));
  }

  bool complete() const noexcept override { return ended_; }
  std::uint64_t progress() const noexcept override { return progress_; }

 private:
  static keywheel::Failure broken(std::string message) {
    return {.failure = keywheel::FailureClass::server,
            .scope = keywheel::Scope::service_model,
            .kind = keywheel::ErrorKind::protocol,
            .message = std::move(message)};
  }

  std::optional<keywheel::Failure> read(const std::string& line, keywheel::EventSink& sink) {
    using Type = keywheel::ChatEvent::Type;
    rapidjson::Document piece;
    piece.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
    if (piece.HasParseError() || !piece.IsObject()) return broken("a line of the answer is no JSON object");
    // A stream that has begun well may still end in a fault.
    if (const auto fault = string_of(piece, "fault"); !fault.empty()) return failure_of(fault, string_of(piece, "why"));
    if (const auto said = string_of(piece, "say"); !said.empty()) sink.event({.type = Type::text, .delta = said});
    if (const auto end = string_of(piece, "end"); !end.empty()) {
      ended_ = true;
      sink.event({.type = Type::finish,
                  .native = end,
                  .finish_reason = end == "done"   ? keywheel::FinishReason::stop
                                   : end == "full" ? keywheel::FinishReason::length
                                                   : keywheel::FinishReason::unknown});
      sink.event({.type = Type::usage,
                  .usage = {.prompt_tokens = count_of(piece, "in"), .completion_tokens = count_of(piece, "out")}});
    }
    return std::nullopt;
  }

  const std::size_t longest_;
  std::string line_{};
  std::uint64_t progress_ = 0;
  bool ended_ = false;
};

class HouseTransport final : public keywheel::Transport {
 public:
  keywheel::Capabilities capabilities() const override {
    return {.tools = false, .parallel_tools = false, .images = false, .json_schema = false, .reasoning = false};
  }

  keywheel::Result<keywheel::HttpRequest> encode(const keywheel::ChatRequest& request,
                                                 const keywheel::Target& target) const override {
    // What the API cannot say is an error: the user would not know that it was left out.
    if (!request.tools.empty() || request.response_format || request.temperature)
      return keywheel::Error{.kind = keywheel::ErrorKind::unsupported,
                             .message = "house cannot express tools, response_format or temperature"};
    rapidjson::StringBuffer body;
    rapidjson::Writer<rapidjson::StringBuffer> json(body);
    const auto string = [&json](std::string_view text) {
      json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    };
    json.StartObject();
    json.Key("engine");
    string(target.model);
    json.Key("turns");
    json.StartArray();
    for (const keywheel::Message& message : request.messages) {
      for (const keywheel::Part& part : message.content) {
        if (!std::holds_alternative<keywheel::TextPart>(part))
          return keywheel::Error{.kind = keywheel::ErrorKind::unsupported, .message = "house takes text only"};
      }
      json.StartObject();
      json.Key("who");
      string(to_string(message.role));
      json.Key("say");
      string(message.text());
      json.EndObject();
    }
    json.EndArray();
    json.Key("pieces");
    json.Bool(target.stream);
    if (request.max_tokens) {
      json.Key("at_most");
      json.Int64(*request.max_tokens);
    }
    json.EndObject();

    keywheel::HttpRequest made;
    made.url = std::string(target.base_url) + std::string(kPath);
    made.body = body.GetString();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(target.now.time_since_epoch()).count();
    const std::string time = std::to_string(seconds);
    made.headers = {{"Content-Type", "application/json"},
                    {"X-House-Key", std::string(target.credential.fields.at("key_id").reveal())},
                    {"X-House-Time", time},
                    {"X-House-Signature", signature(target.credential.api_key.reveal(), time, made.body)}};
    return made;
  }

  std::unique_ptr<keywheel::Decoder> decoder(const keywheel::HttpHead& /*head*/, const keywheel::Target& /*target*/,
                                             const keywheel::Bounds& bounds) const override {
    return std::make_unique<AnswerDecoder>(bounds.max_event);
  }

  keywheel::Failure classify(const keywheel::HttpHead& head, std::string_view body,
                             keywheel::WallTime /*now*/) const override {
    rapidjson::Document answer;
    answer.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    const bool told = !answer.HasParseError() && answer.IsObject();
    keywheel::Failure failure =
        told ? failure_of(string_of(answer, "fault"), string_of(answer, "why")) : failure_of("", "no JSON came");
    failure.status = head.status;
    if (const auto again = told ? count_of(answer, "again_ms") : std::nullopt)
      failure.retry_after = std::chrono::milliseconds(*again);
    return failure;
  }

  std::vector<std::string> check(const keywheel::ServiceConfig& service) const override {
    for (const keywheel::CredentialConfig& credential : service.credentials) {
      if (!credential.fields.contains("key_id")) return {"fields.key_id: each of house's keys has an id"};
    }
    return {};
  }
};

/// The other side: what the API does with a request.
PlayedApi::Answer answer(const PlayedApi::Request& request) {
  const auto header = [&request](const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  const std::string key = header("x-house-key");
  if (header("x-house-signature") != signature("secret-of-" + key, header("x-house-time"), request.body))
    return {401, {R"({"fault":"unknown_key","why":"the signature does not match"})"}};
  if (key == "left") return {429, {R"({"fault":"throttled","why":"left has had its minute","again_ms":60000})"}};
  if (request.body.find(R"("pieces":false)") != std::string::npos)
    return {200, {"{\"say\":\"Good day to you.\",\"end\":\"done\",\"in\":3,\"out\":5}\n"}};
  return {200, {"{\"say\":\"Good day\"}\n{\"say\":\" to ", "you.\"}\n", "{\"end\":\"done\",\"in\":3,\"out\":5}\n"}};
}

}  // namespace

int main(int argc, char** argv) {
  const PlayedApi api(&answer);
  keywheel::Result<keywheel::Router> router = keywheel::Router::create({
      .services = {{
          .provider = "house",
          .base_url = api.url(),
          .models = {"large"},
          .credentials = {{.api_key = "secret-of-left", .fields = {{"key_id", "left"}}},
                          {.api_key = "secret-of-right", .fields = {{"key_id", "right"}}}},
          .rotation = keywheel::Rotation::first,
      }},
      .transports = {{"house", std::make_shared<HouseTransport>()}},
  });
  if (!router) {
    std::cerr << router.error() << '\n';
    return 2;
  }

  const keywheel::ChatRequest request{.messages = {keywheel::user(argc > 1 ? argv[1] : "Hello")}};
  const keywheel::Result<keywheel::ChatResponse> whole = router->chat(request);
  const keywheel::Result<keywheel::ChatResponse> streamed =
      router->chat(request, [](const keywheel::ChatEvent& event) { std::cout << '[' << event.text() << ']'; });
  for (const auto* reply : {&whole, &streamed}) {
    if (!*reply) {
      std::cerr << reply->error() << '\n';
      return 1;
    }
    std::cout << '\n' << (*reply)->text() << '\n';
    for (const keywheel::Attempt& attempt : (*reply)->attempts)
      std::cout << "  " << attempt.credential << ": " << (attempt.failure.empty() ? "answered" : attempt.failure)
                << '\n';
  }
  return 0;
}
