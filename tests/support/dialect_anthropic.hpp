#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/dialect_base.hpp"

namespace keywheel::testing {

/// Anthropic's messages: POST …/v1/messages with x-api-key and anthropic-version.
/// https://platform.claude.com/docs/en/api/messages
[[nodiscard]] std::unique_ptr<Dialect> anthropic_dialect();

/// What Vertex AI has of it too.
[[nodiscard]] std::optional<std::string> read_anthropic_body(const rapidjson::Value& body, Ask& ask,
                                                             std::vector<Turn>& turns);
[[nodiscard]] Reply anthropic_answer(const Ask& ask, const Answer& answer);
[[nodiscard]] std::span<const Refusal> anthropic_refusals();

}  // namespace keywheel::testing
