#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Vertex AI: Google's models and Anthropic's, told apart by the model's name.
/// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest
///
/// A credential is one of: a service account (field json_file: its JSON, see config/credential_files.hpp), of which a
/// token is fetched; a token (field access_token); an API key (api_key, "express mode"). Fields or service options
/// project_id and location say where; location may be "global", which is also the default.
[[nodiscard]] std::shared_ptr<const Transport> make_vertex_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
