#include <keywheel/keywheel.hpp>

namespace {

bool call_fails_as_it_should() {
  keywheel::Router router({.services = {{.provider = "openai",
                                         .base_url = "http://127.0.0.1:9/v1",
                                         .models = {"any"},
                                         .credentials = {{.api_key = "none"}}}}});
  const auto reply = router.chat({.model = "any", .messages = {keywheel::user("Hello")}, .max_attempts = 1});
  return !reply && reply.error().kind == keywheel::ErrorKind::connection;
}

// A call while the plugin is still being loaded: what keywheel needs must not depend on the order of initialisers.
const bool worked_while_loading = call_fails_as_it_should();

}  // namespace

extern "C" int plugin_run() { return worked_while_loading && call_fails_as_it_should() ? 0 : 1; }
