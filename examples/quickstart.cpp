// Two keys for one model: keywheel takes them in turn, and when one is refused or throttled the other answers.
//
//     OPENAI_KEY_1=sk-… OPENAI_KEY_2=sk-… quickstart [PROMPT]

#include <cstdlib>
#include <iostream>

#include <keywheel/keywheel.hpp>

int main(int argc, char** argv) {
  const char* base_url = std::getenv("OPENAI_BASE_URL");
  keywheel::Result<keywheel::Router> router = keywheel::Router::create({
      .services = {{
          .provider = "openai",
          .base_url = base_url != nullptr ? base_url : "",
          .models = {"gpt-4o-mini"},
          .credentials =
              {
                  {.api_key = keywheel::env("OPENAI_KEY_1"), .limits = {.rpm = 500, .tpm = 200'000}},
                  {.api_key = keywheel::env("OPENAI_KEY_2"), .weight = 2},
              },
          .rotation = keywheel::Rotation::least_used,
      }},
  });
  if (!router) {
    std::cerr << router.error() << '\n';
    return 2;
  }

  const keywheel::Result<keywheel::ChatResponse> reply =
      router->chat({.model = "gpt-4o-mini", .messages = {keywheel::user(argc > 1 ? argv[1] : "Hello")}});
  if (!reply) {
    std::cerr << reply.error() << '\n';
    return 1;
  }
  std::cout << reply->text() << '\n';

  for (const keywheel::CredentialStatus& key : router->stats().credentials) std::cerr << key << '\n';
  return 0;
}
