#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <keywheel/transport.hpp>

#include "providers/registry.hpp"
#include "support/sim_router.hpp"

namespace keywheel::testing {

/// OpenAI's dialect, save that an answer that is not 2xx says in a header of its own what it is: for tests of what
/// follows from a verdict, whichever provider would say it.
class VerdictTransport final : public Transport {
 public:
  static constexpr const char* kName = "verdict";

  [[nodiscard]] Capabilities capabilities() const override { return dialect_->capabilities(); }
  [[nodiscard]] Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
    // When it was signed, as far as it can tell.
    Result<HttpRequest> encoded = dialect_->encode(request, target);
    if (encoded) encoded->headers.push_back({"x-signed-at", std::to_string(target.now.time_since_epoch().count())});
    return encoded;
  }
  [[nodiscard]] std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target,
                                                 const Bounds& bounds) const override {
    return dialect_->decoder(head, target, bounds);
  }
  [[nodiscard]] Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
    const std::string verdict(head.find("x-verdict"));
    if (verdict.empty()) return dialect_->classify(head, body, now);
    std::size_t end = 0;
    Failure failure{.message = "as the provider says", .code = std::string(head.find("x-code")), .status = head.status};
    failure.failure = static_cast<FailureClass>(std::stoi(verdict, &end));
    std::size_t next = 0;
    failure.scope = static_cast<Scope>(std::stoi(verdict.substr(end), &next));
    const std::int64_t after = std::stoll(verdict.substr(end + next));
    if (after > 0) failure.retry_after = std::chrono::milliseconds(after);
    return failure;
  }

 private:
  std::shared_ptr<const Transport> dialect_ = detail::make_transport("openai", "");
};

/// Every answer is this verdict.
[[nodiscard]] inline KeyScript verdict(FailureClass failure, Scope scope, std::chrono::milliseconds retry_after = {},
                                       int status = 400, std::string code = {}) {
  return {.reply = [=](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::json(status, "{}");
    reply.headers.push_back({"x-verdict", std::to_string(static_cast<int>(failure)) + ' ' +
                                              std::to_string(static_cast<int>(scope)) + ' ' +
                                              std::to_string(retry_after.count())});
    if (!code.empty()) reply.headers.push_back({"x-code", code});
    return std::optional(std::move(reply));
  }};
}

/// A Router on the virtual clock whose provider says its verdicts outright.
struct VerdictRouter : SimRouter {
  explicit VerdictRouter(std::vector<std::string> keys = {"sk-key-one"}, SimProvider::Travel travel = {})
      : SimRouter(std::move(keys), std::move(travel)) {
    config.services[0].provider = VerdictTransport::kName;
    config.transports[VerdictTransport::kName] = std::make_shared<VerdictTransport>();
  }
  ServiceConfig& add(std::string id, std::vector<std::string> keys) {
    ServiceConfig& service = add_service(std::move(id), std::move(keys));
    service.provider = VerdictTransport::kName;
    return service;
  }
  [[nodiscard]] std::uint64_t asked(std::string_view key) const { return provider.log(key).requests; }
};

[[nodiscard]] inline std::vector<std::string> classes(const std::vector<Attempt>& attempts) {
  std::vector<std::string> all;
  for (const Attempt& attempt : attempts) all.push_back(attempt.failure);
  return all;
}

[[nodiscard]] inline std::vector<std::string> credentials(const std::vector<Attempt>& attempts) {
  std::vector<std::string> all;
  for (const Attempt& attempt : attempts) all.push_back(attempt.credential);
  return all;
}

}  // namespace keywheel::testing
