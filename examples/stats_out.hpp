#pragma once

#include <chrono>

#include <keywheel/keywheel.hpp>

#include "json_out.hpp"

inline double milliseconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// {"credentials":[…]}: what every credential did and how it stands.
inline void write_stats(JsonOut& out, const keywheel::RouterStats& stats) {
  const auto credential = [&](const keywheel::CredentialStatus& key) {
    out.object([&] {
      out.member("id", key.id);
      out.member("service", key.service);
      out.member("state", keywheel::to_string(key.state));
      out.member("requests", key.requests);
      out.member("successes", key.successes);
      out.member("failures", [&] {
        out.object([&] {
          for (const auto& [kind, count] : key.failures) out.member(keywheel::to_string(kind), count);
        });
      });
      out.member("prompt_tokens", key.prompt_tokens);
      out.member("completion_tokens", key.completion_tokens);
      out.member("in_flight", key.in_flight);
      out.member("available_in_ms", [&] {
        // max(): it does not come back by itself.
        if (key.available_in == std::chrono::milliseconds::max()) {
          out.null();
        } else {
          out.value(key.available_in.count());
        }
      });
    });
  };
  out.object([&] {
    out.member("credentials", [&] {
      out.array([&] {
        for (const keywheel::CredentialStatus& key : stats.credentials) credential(key);
      });
    });
  });
}
