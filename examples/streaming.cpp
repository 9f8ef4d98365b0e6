// A streamed answer in the two ways: pushed to a callback, and pulled from a range.
//
//     streaming [CONFIG.json [PROMPT]]    without a config: the keys found in the environment

#include <iostream>
#include <string>

#include <keywheel/keywheel.hpp>

namespace {

/// The callback runs on this thread. It may return nothing, or Flow::stop when it has had enough.
bool push(keywheel::Router& router, const keywheel::ChatRequest& request) {
  const keywheel::Result<keywheel::ChatResponse> reply =
      router.chat(request, [](const keywheel::ChatEvent& event) { std::cout << event.text() << std::flush; });
  std::cout << '\n';
  if (!reply) std::cerr << reply.error() << '\n';
  return reply.has_value();
}

/// An event's views live until the next one is taken: `copy()` keeps it longer. Leaving the loop early cancels the
/// rest.
bool pull(keywheel::Router& router, const keywheel::ChatRequest& request) {
  keywheel::ChatStream stream = router.stream(request);
  for (const keywheel::ChatEvent& event : stream) {
    if (event.type == keywheel::ChatEvent::Type::start) std::cerr << "answered by " << event.model << '\n';
    std::cout << event.text() << std::flush;
  }
  std::cout << '\n';
  const keywheel::Result<keywheel::ChatResponse> reply = stream.result();
  if (!reply) std::cerr << reply.error() << '\n';
  return reply.has_value();
}

}  // namespace

int main(int argc, char** argv) {
  keywheel::Result<keywheel::RouterConfig> config =
      argc > 1 ? keywheel::load_config(argv[1]) : keywheel::config_from_environment();
  keywheel::Result<keywheel::Router> router = std::move(config).and_then(&keywheel::Router::create);
  if (!router) {
    std::cerr << router.error() << '\n';
    return 2;
  }
  const keywheel::ChatRequest request{.messages = {keywheel::user(argc > 2 ? argv[2] : "Count to ten.")}};
  const bool pushed = push(*router, request);
  const bool pulled = pull(*router, request);
  return pushed && pulled ? 0 : 1;
}
