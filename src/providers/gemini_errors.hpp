#pragma once

#include <optional>
#include <string_view>

#include <keywheel/transport.hpp>

#include "providers/provider.hpp"
#include "wire/json.hpp"

/// What Google's errors mean (google.rpc.Status with its details).
/// https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The verdict on an answer that is not 2xx, of the Gemini API, of Vertex AI, or of Google's token endpoint.
[[nodiscard]] Failure classify_google_answer(const HttpHead& head, std::string_view body, WallTime now);

/// The same for an error inside a 200 or a stream.
[[nodiscard]] Failure classify_google_error(JsonValue root);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
