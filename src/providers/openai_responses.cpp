#include "providers/openai_responses.hpp"

#include <utility>

#include "providers/openai.hpp"
#include "providers/openai_url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// The address, the key, embeddings and listings are those of chat completions; what is said is not.
class ResponsesTransport final : public OpenAiTransport {
 public:
  using OpenAiTransport::OpenAiTransport;

  Capabilities capabilities() const override {
    Capabilities can = OpenAiTransport::capabilities();
    can.audio = false;
    return can;
  }

  // An item of the assistant's at the end of the input is a turn that has ended.
  Resumption resumption(const ChatRequest&, const ServiceConfig&, std::string_view) const override {
    return Resumption::none;
  }

  Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(preset_.name, target);
    std::string base = base_url(target, check);
    HttpRequest made =
        begin(target, endpoint_url(base, base.find("/responses") == std::string::npos ? "/responses" : ""),
              request.headers, check);
    made.body = write_responses_body(request, target, check);
    if (!check.ok()) return check.error();
    return made;
  }

  std::unique_ptr<Decoder> decoder(const HttpHead&, const Target&, const Bounds& bounds) const override {
    return make_responses_decoder(rules_of(preset_), bounds);
  }
};

}  // namespace

std::shared_ptr<const Transport> make_responses_transport(const Preset& preset) {
  return std::make_shared<ResponsesTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
