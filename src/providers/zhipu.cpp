#include "providers/zhipu.hpp"

#include <chrono>
#include <string>

#include "auth/jwt.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kHeader = R"({"alg":"HS256","sign_type":"SIGN"})";
// Each request is signed anew, so a token need not outlive the way.
constexpr std::chrono::milliseconds kLifetime = std::chrono::minutes(3);

bool signs(const ServiceConfig& service) {
  const auto option = service.options.find("auth");
  return option != service.options.end() && option->second == "jwt";
}

class ZhipuTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults = OpenAiTransport::check(service);
    if (const auto option = service.options.find("auth"); option != service.options.end() && option->second != "jwt") {
      faults.push_back("options.auth: \"" + option->second + "\" is not known; expected \"jwt\", or none");
    }
    return faults;
  }

 protected:
  void authorize(HttpRequest& request, const Target& target, RequestCheck& check) const override {
    const std::string_view key = target.credential.api_key.reveal();
    if (!signs(target.service) || key.empty()) return OpenAiTransport::authorize(request, target, check);
    const std::size_t point = key.find('.');
    if (point == std::string_view::npos) {
      check.misconfigured("api_key: expected \"id.secret\" with options.auth \"jwt\"");
      return;
    }
    const std::int64_t now = target.now.time_since_epoch().count();
    std::string claims;
    JsonWriter json(claims);
    json.begin_object().member("api_key", key.substr(0, point));
    // In milliseconds, unlike any other JWT.
    json.member("exp", now + kLifetime.count()).member("timestamp", now).end_object();
    add_bearer(request, jwt_hs256(kHeader, claims, key.substr(point + 1)).reveal());
  }
};

}  // namespace

std::shared_ptr<const Transport> make_zhipu_transport(const Preset& preset) {
  return std::make_shared<ZhipuTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
