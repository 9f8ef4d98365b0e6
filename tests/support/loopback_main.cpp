#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <pthread.h>

#include "support/dialects.hpp"
#include "support/loopback_provider.hpp"
#include "support/script_json.hpp"

namespace {

using keywheel::testing::LoopbackProvider;
using keywheel::testing::LoopbackServer;

constexpr int kBadUsage = 2;

int usage(std::string_view why) {
  fmt::print(stderr, "keywheel-loopback: {}\nusage: keywheel-loopback [--port PORT] [--script FILE.json]\n", why);
  return kBadUsage;
}

int serve(LoopbackServer::Options options, const std::string& script_file) {
  // Blocked before the server's thread starts, so that the signal waits for sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  keywheel::testing::raise_file_limit();
  LoopbackProvider provider(options);
  keywheel::testing::add_every_dialect(provider.engine());
  if (!script_file.empty()) {
    std::ifstream in(script_file, std::ios::binary);
    if (!in) return usage(fmt::format("cannot read {}", script_file));
    const std::string script{std::istreambuf_iterator<char>(in), {}};
    const std::string fault = keywheel::testing::apply_script(script, provider.engine());
    if (!fault.empty()) return usage(fmt::format("{}: {}", script_file, fault));
  }
  fmt::print("listening on {}\n", provider.url());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  LoopbackServer::Options options{.max_records = 0, .record_bodies = false};
  std::string script_file;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) return usage(fmt::format("{} needs a value, or is unknown", name));
    const std::string_view value = argv[i + 1];
    if (name == "--port") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.port);
      if (error != std::errc{} || end != value.data() + value.size()) return usage("--port is not a port");
    } else if (name == "--script") {
      script_file = value;
    } else {
      return usage(fmt::format("unknown option {}", name));
    }
  }
  try {
    return serve(options, script_file);
  } catch (const std::exception& error) {
    fmt::print(stderr, "keywheel-loopback: {}\n", error.what());
    return 1;
  }
}
