#include "bench/same_bytes.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <keywheel/keywheel.hpp>

#include <fmt/format.h>

#include "bench/bare_curl.hpp"
#include "bench/servers.hpp"
#include "support/loopback_server.hpp"

namespace keywheel::bench {

using namespace keywheel::testing;  // NOLINT(google-build-using-namespace)

namespace {

std::string text_of(const ReceivedRequest& request) {
  std::vector<std::string> lines;
  for (const HttpHeader& header : request.headers) lines.push_back(header.name + ": " + header.value + "\n");
  std::sort(lines.begin(), lines.end());
  std::string text = request.method + " " + request.target + "\n";
  for (const std::string& line : lines) text += line;
  return text + "\n" + request.body + "\n";
}

}  // namespace

void check_same_bytes() {
  LoopbackServer server([](const ReceivedRequest& request) {
    const bool stream = request.body.find("\"stream\":true") != std::string::npos;
    return stream ? Reply::sse({std::string(kFirstEvent) + "\n\n", std::string(kLastEvent) + "\n\ndata: [DONE]\n\n"})
                  : Reply::json(200, std::string(kAnswer));
  });
  Router router({.services = {{.provider = "openai",
                               .base_url = server.url() + "/v1",
                               .models = {"bench"},
                               .credentials = {{.api_key = "sk-bench-key-1"}}}}});
  const ChatRequest request{.model = "bench", .messages = {user("Say something about a fox.")}};
  std::uint64_t sent = 0;
  for (const bool stream : {false, true}) {
    BareLoop().run({.url = server.url() + "/v1/chat/completions",
                    .body = std::string(stream ? kStream : kUnary),
                    .stream = stream},
                   1, 1);
    const Result<ChatResponse> reply = stream ? router.chat(request, [](const ChatEvent&) {}) : router.chat(request);
    if (!reply) throw std::runtime_error("call failed: " + reply.error().message);
    const std::string bare = text_of(server.record(sent + 1).request);
    const std::string ours = text_of(server.record(sent + 2).request);
    if (bare != ours)
      throw std::runtime_error(fmt::format("the sides send different bytes.\nbare:\n{}keywheel:\n{}", bare, ours));
    sent += 2;
  }
}

}  // namespace keywheel::bench
