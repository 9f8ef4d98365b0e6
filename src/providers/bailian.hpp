#pragma once

#include <memory>

#include <keywheel/transport.hpp>

#include "providers/presets.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Alibaba's Bailian. With an app_id (field of the credential or option of the service) it calls that application;
/// without, it is Model Studio in OpenAI's dialect.
[[nodiscard]] std::shared_ptr<const Transport> make_bailian_transport(const Preset& preset);

/// The application API, where the model and its prompt are the application's. Without an app_id the model's name is it.
/// To go on with a conversation that the application keeps, put {"input":{"session_id":"…"}} of the last answer's extra
/// into the request's: then only the last message is sent. What else `extra` holds goes to `parameters`.
/// https://help.aliyun.com/zh/model-studio/call-single-agent-application
[[nodiscard]] std::shared_ptr<const Transport> make_bailian_app_transport(const Preset& preset);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
