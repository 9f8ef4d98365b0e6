// What a call over TLS costs: on a kept connection, and on a new one each time.
//
//   tls_bench [--rounds N] [--json FILE]
//
// Needs nginx and openssl. The trusted CAs are the system's with the server's among them, as large a file as a client
// meets in the field.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <keywheel/keywheel.hpp>

#include <curl/curl.h>
#include <fmt/format.h>

#include "bench/bare_curl.hpp"
#include "bench/measure.hpp"
#include "bench/servers.hpp"
#include "integration/http_nginx.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;
using http_test::Nginx;

/// The system's bundle with one more in it, in nginx's folder, which goes with it.
std::string bundle(const Nginx& nginx) {
  const std::string path = std::filesystem::path(nginx.ca_file()).replace_filename("bundle.pem").string();
  std::ofstream out(path);
  if (const char* file = curl_version_info(CURLVERSION_NOW)->cainfo) out << std::ifstream(file).rdbuf();
  out << nginx.ca_pem();
  return path;
}

void must(bool good, const std::string& why) {
  if (good) return;
  fmt::print(stderr, "call failed: {}\n", why);
  std::exit(1);
}

void report(Report& to, const std::string& name, const Nginx& nginx, int rounds, std::size_t calls, Figure bound) {
  const std::string ca = bundle(nginx);
  const std::string base = nginx.url("127.0.0.1", "/v1");
  BareCall bare({.url = base + "/chat/completions", .body = std::string(kUnary), .ca_file = ca});
  Router router({.services = {{.provider = "openai",
                               .base_url = base,
                               .models = {"bench"},
                               .credentials = {{.api_key = "sk-bench-key-1"}}}},
                 .tls = {.ca_file = ca}});
  const ChatRequest request{.model = "bench", .messages = {user("Say something about a fox.")}};
  const auto cost = [&](const std::function<void()>& call) {
    const double begun = cpu_now();
    for (std::size_t i = 0; i < calls; ++i) call();
    return (cpu_now() - begun) * 1e6 / static_cast<double>(calls);
  };
  bound.name = name + ": CPU";
  bound.unit = "us/call";
  for (int round = 0; round <= rounds; ++round) {
    const double floor = cost([&] {
      bare.prepare();
      const CURLcode code = curl_easy_perform(bare.handle());
      must(code == CURLE_OK, curl_easy_strerror(code));
    });
    const double ours = cost([&] {
      const auto reply = router.chat(request);
      must(reply.has_value(), reply ? "" : reply.error().message);
    });
    if (round == 0) continue;  // the certificates are read, connections opened
    bound.floor.push_back(floor);
    bound.ours.push_back(ours);
  }
  to.add(bound);
}

}  // namespace

int main(int argc, char** argv) {
  if (!Nginx::available()) {
    std::puts("nginx or openssl is missing: no figures for TLS");
    return 0;
  }
  const std::string wanted = argument(argc, argv, "--rounds");
  const int rounds = wanted.empty() ? 9 : std::max(1, std::atoi(wanted.c_str()));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Report table(argument(argc, argv, "--json"));
  for (const bool http2 : {false, true}) {
    const std::string protocol = http2 ? "HTTP/2" : "HTTP/1.1";
    const Figure kept{.bound = Figure::Bound::ratio, .target = 1.3};
    report(table, "TLS, " + protocol + ", one at a time", Nginx({.http2 = http2, .location = nginx_answer()}), rounds,
           300, kept);
  }
  const Figure fresh{.bound = Figure::Bound::value, .target = 3000};
  report(table, "TLS, a new connection each time",
         Nginx({.http2 = false, .server = "keepalive_timeout 0;", .location = nginx_answer()}), rounds, 50, fresh);
  return 0;
}
