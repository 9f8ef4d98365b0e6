// A model that may call a function of this program.
//
//     tools [CONFIG.json [PROMPT]]    without a config: the keys found in the environment

#include <iostream>
#include <utility>

#include <keywheel/keywheel.hpp>

namespace {

/// The arguments are JSON text as the model wrote it: parse it with what you have, and return an Error when it is not
/// what you expect. The model is told, and may try again.
keywheel::Result<std::string> weather(const keywheel::ToolCall& call) {
  std::cerr << "the model asks for " << call.name << ' ' << call.arguments << '\n';
  return std::string(R"({"temperature_c": 21, "sky": "clear"})");
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

  const keywheel::ToolFunction function{
      .tool = {.name = "weather",
               .description = "The weather in a city, now",
               .parameters = R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})"},
      .run = weather};
  const keywheel::Result<keywheel::ToolRun> run = keywheel::run_tools(
      *router, {.messages = {keywheel::user(argc > 2 ? argv[2] : "What is the weather in Rome?")}}, {function});
  if (!run) {
    std::cerr << run.error() << '\n';
    return 1;
  }
  std::cout << run->response.text() << '\n';
  return run->complete ? 0 : 1;
}
