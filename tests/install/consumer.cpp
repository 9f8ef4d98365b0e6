#include <keywheel/keywheel.hpp>

int main() {
  keywheel::Router router({.services = {{.provider = "openai",
                                         .base_url = "http://127.0.0.1:9/v1",
                                         .models = {"any"},
                                         .credentials = {{.api_key = "none"}}}}});
  const auto reply = router.chat({.model = "any", .messages = {keywheel::user("Hello")}, .max_attempts = 1});
  return !reply && reply.error().kind == keywheel::ErrorKind::connection ? 0 : 1;
}
