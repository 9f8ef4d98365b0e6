#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Amazon Bedrock: Converse and ConverseStream, embeddings by InvokeModel (Titan, Cohere), and the listing.
///
/// Credential: the fields `access_key`, `secret_key` and, of temporary credentials, `session_token` (SigV4); or a
/// Bedrock API key as `api_key` (sent as a Bearer token). The region is the credential's field `region`, else its
/// `region`, else the service's option `region`, else the one that base_url names.
[[nodiscard]] std::shared_ptr<const Transport> make_bedrock_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
