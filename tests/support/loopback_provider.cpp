#include "support/loopback_provider.hpp"

#include "support/script_json.hpp"

namespace keywheel::testing {

LoopbackProvider::LoopbackProvider(LoopbackServer::Options options)
    : server_([this](const ReceivedRequest& request) { return handle(request); }, options) {}

Reply LoopbackProvider::handle(const ReceivedRequest& request) {
  if (request.path() == "/__log") return Reply::json(200, log_json(engine_.logs()));
  if (request.path() == "/__script") {
    const std::string fault = apply_script(request.body, engine_);
    return fault.empty() ? Reply::of(204, "text/plain", "") : Reply::of(400, "text/plain", fault + "\n");
  }
  return engine_.handle(request);
}

}  // namespace keywheel::testing
