#include "providers/xinghuo.hpp"

#include "http/websocket.hpp"
#include "providers/native_request.hpp"
#include "providers/openai.hpp"
#include "providers/two_dialects.hpp"
#include "providers/xinghuo_ws.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

class XinghuoHttpTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    const std::string_view domain = setting(target, "domain");
    if (domain.empty()) return OpenAiTransport::encode(request, target);
    Target named = target;
    named.model = domain;
    return OpenAiTransport::encode(request, named);
  }
};

bool is_websocket(const ServiceConfig& /*service*/, const CredentialConfig& /*credential*/, std::string_view base_url) {
  return base_url.starts_with("ws://") || base_url.starts_with("wss://");
}

class XinghuoTransport final : public TwoDialects {
 public:
  explicit XinghuoTransport(const Preset& preset)
      : TwoDialects(make_xinghuo_ws_transport(preset), std::make_shared<XinghuoHttpTransport>(preset), &is_websocket) {}

  std::vector<std::string> check(const ServiceConfig& service) const override {
    std::vector<std::string> faults = TwoDialects::check(service);
    bool websocket = is_websocket(service, {}, service.base_url);
    for (const CredentialConfig& credential : service.credentials) {
      websocket = websocket || is_websocket(service, credential, credential.base_url);
    }
    if (websocket && !speaks_websocket()) {
      faults.push_back("base_url: " + no_websocket() +
                       "; the same models answer at https://spark-api-open.xf-yun.com/v1, with the same api_key and "
                       "api_secret");
    }
    return faults;
  }
};

}  // namespace

std::shared_ptr<const Transport> make_xinghuo_transport(const Preset& preset) {
  return std::make_shared<XinghuoTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
