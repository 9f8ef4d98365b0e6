// keywheel-chat: one call, or a conversation, from the command line.

#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywheel/keywheel.hpp>

#include <unistd.h>

#include "arguments.hpp"
#include "options.hpp"
#include "output.hpp"

namespace {

using keywheel::ChatEvent;
using keywheel::ChatRequest;
using keywheel::ChatResponse;
using keywheel::Result;
using keywheel::Router;

constexpr int kCallFailed = 1;
constexpr int kBadUsage = 2;

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

std::string read_file(const std::string& name) {
  if (name == "-") return read_all(std::cin);
  std::ifstream in(name, std::ios::binary);
  if (!in) throw UsageError("cannot read " + name);
  return read_all(in);
}

/// Everything of the request but its messages, where they are not in a file.
ChatRequest make_request(const Options& options) {
  ChatRequest request;
  if (options.request) {
    Result<ChatRequest> parsed = keywheel::parse_chat_request(read_file(*options.request));
    if (!parsed) throw UsageError(*options.request + ": " + parsed.error().message);
    request = std::move(*parsed);
  }
  if (!options.model.empty()) request.model = options.model;
  request.session = options.session;
  request.region = options.region;
  request.deadline = options.deadline;
  return request;
}

/// The calls of one run, and how they are shown.
class Session {
 public:
  Session(Router& router, const Options& options) : router_(router), options_(options) {}

  Result<ChatResponse> call(const ChatRequest& request) {
    std::optional<StreamFacts> facts;
    const auto began = std::chrono::steady_clock::now();
    Result<ChatResponse> reply = [&] {
      if (!options_.stream) return router_.chat(request);
      facts.emplace();
      return router_.chat(request, [&](const ChatEvent& event) {
        if (facts->events++ == 0) facts->first = std::chrono::steady_clock::now() - began;
        if (!options_.json) std::cout << event.text() << std::flush;
      });
    }();
    if (facts) facts->whole = std::chrono::steady_clock::now() - began;
    show(reply, facts);
    failed_ = failed_ || !reply;
    // Only a table for a person needs them all.
    if (options_.stats && !options_.json) attempts_.push_back(reply ? reply->attempts : reply.error().attempts);
    return reply;
  }

  void show_stats() const {
    if (options_.json) {
      std::cout << to_json_line(router_.stats()) << std::endl;
      return;
    }
    const bool colour = ::isatty(STDERR_FILENO) == 1;
    print_attempts(std::cerr, attempts_, colour);
    std::cerr << '\n';
    print_stats(std::cerr, router_.stats(), colour);
  }

  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  void show(const Result<ChatResponse>& reply, const std::optional<StreamFacts>& facts) const {
    if (options_.json) {
      std::cout << to_json_line(reply, facts) << std::endl;
      return;
    }
    if (!reply) {
      if (facts && facts->events > 0) std::cout << std::endl;
      std::cerr << "keywheel-chat: " << reply.error() << '\n';
      return;
    }
    for (const std::string& warning : reply->warnings) std::cerr << "warning: " << warning << '\n';
    const std::string text = reply->text();
    if (!facts) std::cout << text;
    if (!text.empty() && !text.ends_with('\n')) std::cout << '\n';
    print_tool_calls(std::cout, *reply);
    std::cout.flush();
  }

  Router& router_;
  const Options& options_;
  bool failed_ = false;
  std::vector<std::vector<keywheel::Attempt>> attempts_{};
};

/// A conversation: each line is what the user says, with all that was said before it.
void converse(Session& session, ChatRequest request) {
  std::string line;
  while (std::cerr << "> " << std::flush, std::getline(std::cin, line)) {
    if (line.empty()) continue;
    request.messages.push_back(keywheel::user(line));
    Result<ChatResponse> reply = session.call(request);
    if (reply) {
      request.messages.push_back(reply->message());
    } else {
      request.messages.pop_back();
    }
  }
  std::cerr << '\n';
}

int run(const Options& options) {
  ChatRequest request = make_request(options);
  Result<keywheel::RouterConfig> config =
      options.config ? keywheel::load_config(*options.config) : keywheel::config_from_environment();
  Result<Router> router = std::move(config).and_then(&Router::create);
  if (!router) throw UsageError(router.error().message);
  for (const std::string& warning : router->warnings()) std::cerr << "warning: " << warning << '\n';

  Session session(*router, options);
  const bool at_terminal = ::isatty(STDIN_FILENO) == 1;
  if (!options.request && options.prompt.empty() && at_terminal) {
    converse(session, std::move(request));
  } else {
    if (!options.request) {
      std::string prompt = options.prompt.empty() ? read_all(std::cin) : options.prompt;
      if (prompt.find_first_not_of(" \r\n\t") == std::string::npos) throw UsageError("the prompt is empty");
      request.messages.push_back(keywheel::user(std::move(prompt)));
    }
    for (long long i = 0; i < options.repeat; ++i) (void)session.call(request);
  }
  if (options.stats) session.show_stats();
  return session.failed() ? kCallFailed : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    if (options.help) {
      std::cout << kUsage;
      return 0;
    }
    return run(options);
  } catch (const UsageError& error) {
    std::cerr << "keywheel-chat: " << error.what() << '\n';
    return kBadUsage;
  } catch (const std::exception& error) {
    std::cerr << "keywheel-chat: " << error.what() << '\n';
    return kCallFailed;
  }
}
