#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "wire/json.hpp"

/// What the tests of a dialect need: a target to encode for, and a reader that plays an answer in pieces of any size.

namespace keywheel::testing {

/// A service with one credential, and a Target that points to both.
struct Fixture {
  ServiceConfig service{.provider = "test", .id = "test-1"};
  CredentialConfig credential{.api_key = "the-key", .id = "test-1#1"};
  std::string base_url{};
  std::string model = "some-model";
  bool stream = false;
  std::string token{};
  OnUnsupported on_unsupported = OnUnsupported::error;
  std::vector<std::string> warnings{};

  [[nodiscard]] Target target() {
    return {.service = service,
            .credential = credential,
            .base_url = base_url,
            .model = model,
            .stream = stream,
            .now = WallTime(std::chrono::milliseconds(1'700'000'000'000)),
            .nonce = 0xABC,
            .token = token,
            .on_unsupported = on_unsupported,
            .warnings = &warnings};
  }
};

/// What an answer came to, one line an event, with the pieces of one text joined: pieces of bytes must not show.
struct Heard : EventSink {
  std::vector<std::string> lines{};
  std::map<std::string, std::string> extras{};
  Usage usage{};
  std::optional<Failure> failure{};
  std::string joined{};  ///< what the last line goes on from

  void event(const ChatEvent& e) override;
  void extra(std::string_view name, std::string_view json) override { extras[std::string(name)] = std::string(json); }
};

/// Plays a body to a decoder of `transport`, `size` bytes at a time (0: at once), each piece in memory of its own, so
/// that a sanitizer sees every view that is kept too long.
[[nodiscard]] Heard hear(const Transport& transport, const Target& target, std::string_view body, std::size_t size = 0,
                         const Bounds& bounds = {});

/// The same at every size from 1 byte to the whole and cut in two at every byte; all must agree.
[[nodiscard]] Heard hear_cut(const Transport& transport, const Target& target, std::string_view body);

/// The value of a request's header; empty: it has none.
[[nodiscard]] std::string_view header(const HttpRequest& request, std::string_view name);

/// The two texts are the same JSON value, member order aside.
[[nodiscard]] bool same_json(std::string_view a, std::string_view b);

}  // namespace keywheel::testing
