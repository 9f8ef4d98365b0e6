#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"
#include "providers/provider.hpp"

/// OpenAI's Responses API, spoken where a service says `api = "responses"`.
/// https://platform.openai.com/docs/api-reference/responses

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The body of a request. What cannot be said is told to `check`; the body counts only if that is ok then.
[[nodiscard]] std::string write_responses_body(const ChatRequest& request, const Target& target, RequestCheck& check);

[[nodiscard]] std::unique_ptr<Decoder> make_responses_decoder(std::span<const ErrorRule> errors, const Bounds& bounds);

/// The Responses API where `Chat` speaks chat completions: the key, embeddings and listings are the same, what is said
/// is not.
template <class Chat>
class ResponsesOver : public Chat {
 public:
  using Chat::Chat;

  [[nodiscard]] Capabilities capabilities() const override {
    Capabilities can = Chat::capabilities();
    can.audio = false;
    return can;
  }

  // An item of the assistant's at the end of the input is a turn that has ended.
  [[nodiscard]] Resumption resumption(const ChatRequest&, const ServiceConfig&, std::string_view) const override {
    return Resumption::none;
  }

  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    RequestCheck check(this->preset_.name, target);
    HttpRequest made = this->begin(target, responses_url(target, check), request.headers, check);
    made.body = write_responses_body(request, target, check);
    if (!check.ok()) return check.error();
    return made;
  }

  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead&, const Target&, const Bounds& bounds) const override {
    return make_responses_decoder(error_rules(), bounds);
  }

 protected:
  [[nodiscard]] virtual std::string responses_url(const Target& target, RequestCheck& check) const = 0;
  [[nodiscard]] virtual std::span<const ErrorRule> error_rules() const noexcept = 0;
};

[[nodiscard]] std::shared_ptr<const Transport> make_responses_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
