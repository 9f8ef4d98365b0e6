#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/dialect_base.hpp"

namespace keywheel::testing {

/// Google's generateContent: POST …/v1beta/models/MODEL:generateContent, or :streamGenerateContent?alt=sse, with
/// x-goog-api-key. https://ai.google.dev/api/generate-content
[[nodiscard]] std::unique_ptr<Dialect> gemini_dialect();

/// What Vertex AI has of it too.
[[nodiscard]] std::optional<std::string> read_gemini_body(const ReceivedRequest& request, const rapidjson::Value& body,
                                                          Ask& ask, std::vector<Turn>& turns);
[[nodiscard]] Reply gemini_answer(const Ask& ask, const Answer& answer);

}  // namespace keywheel::testing
