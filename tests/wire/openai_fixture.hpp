#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include <catch2/catch_test_macros.hpp>

#include "providers/registry.hpp"
#include "wire/event_log.hpp"

/// A provider's Transport and one attempt through it.
struct OpenAiFixture {
  explicit OpenAiFixture(std::string_view provider = "openai")
      : transport(keywheel::detail::make_transport(provider, "")) {
    REQUIRE(transport != nullptr);
    service.provider = provider;
    credential.api_key = "sk-test";
  }

  [[nodiscard]] keywheel::Target target() {
    return {.service = service,
            .credential = credential,
            .base_url = service.base_url,
            .model = model,
            .stream = stream,
            .nonce = 7,
            .on_unsupported = on_unsupported,
            .warnings = &warnings};
  }

  [[nodiscard]] keywheel::Result<keywheel::HttpRequest> encode(const keywheel::ChatRequest& request) {
    return transport->encode(request, target());
  }

  /// The body of the encoded request.
  [[nodiscard]] std::string body(const keywheel::ChatRequest& request) {
    auto encoded = encode(request);
    if (!encoded) FAIL(encoded.error().message);
    return encoded->body;
  }

  /// What the decoder makes of a body, which must not depend on how it is cut.
  [[nodiscard]] std::string events(std::string_view answer, const keywheel::Bounds& bounds = {}) {
    const auto cut = [&](std::size_t size) {
      return decode(*transport->decoder({.status = 200}, target(), bounds), answer, size);
    };
    const std::string whole = cut(answer.size() + 1);
    for (const std::size_t size : {1U, 2U, 3U, 7U, 97U}) CHECK(cut(size) == whole);
    return whole;
  }

  [[nodiscard]] keywheel::Failure classify(int status, std::string_view answer,
                                           std::vector<keywheel::HttpHeader> headers = {}) {
    return transport->classify({.status = status, .headers = std::move(headers)}, answer, now);
  }

  std::shared_ptr<const keywheel::Transport> transport;
  keywheel::ServiceConfig service{};
  keywheel::CredentialConfig credential{};
  std::string model = "gpt-4o";
  bool stream = false;
  keywheel::OnUnsupported on_unsupported = keywheel::OnUnsupported::error;
  std::vector<std::string> warnings{};
  keywheel::WallTime now{std::chrono::seconds(1'763'900'000)};
};
