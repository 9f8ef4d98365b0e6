#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/loopback_server.hpp"
#include "support/provider_engine.hpp"

namespace keywheel::testing {

/// A provider on 127.0.0.1: ProviderEngine behind a LoopbackServer.
///
///     LoopbackProvider provider;
///     provider.script("sk-a", KeyScript::revoked());
///     … .base_url = provider.url() + "/v1" …
///     CHECK(provider.log("sk-a").with_status(401) == 1);
///
/// Two paths of its own: GET /__log (what each key saw, as JSON) and POST /__script (a script as script_json.hpp reads
/// it). Neither is logged.
class LoopbackProvider {
 public:
  explicit LoopbackProvider(LoopbackServer::Options options = {});

  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] LoopbackServer& server() noexcept { return server_; }
  [[nodiscard]] ProviderEngine& engine() noexcept { return engine_; }

  void script(std::string key, KeyScript script) { engine_.script(std::move(key), std::move(script)); }
  void script_others(KeyScript script) { engine_.script_others(std::move(script)); }
  [[nodiscard]] KeyLog log(std::string_view key) const { return engine_.log(key); }

 private:
  [[nodiscard]] Reply handle(const ReceivedRequest& request);

  ProviderEngine engine_{};
  LoopbackServer server_;
};

}  // namespace keywheel::testing
