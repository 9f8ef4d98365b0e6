#include "providers/openai_responses.hpp"

#include <span>
#include <string>

#include "providers/openai.hpp"
#include "providers/openai_url.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

class ResponsesTransport final : public ResponsesOver<OpenAiTransport> {
 public:
  using ResponsesOver::ResponsesOver;

 protected:
  std::string responses_url(const Target& target, RequestCheck& check) const override {
    const std::string base = base_url(target, check);
    return endpoint_url(base, base.find("/responses") == std::string::npos ? "/responses" : "");
  }
  std::span<const ErrorRule> error_rules() const noexcept override { return rules_of(preset_); }
};

}  // namespace

std::shared_ptr<const Transport> make_responses_transport(const Preset& preset) {
  return std::make_shared<ResponsesTransport>(preset);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
