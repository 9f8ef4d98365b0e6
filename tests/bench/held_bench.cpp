// What streams cost that are open all at once: memory each, starting one more, connections.
//
//   held_bench [--streams N] [--json FILE]
//
// Each figure is measured in a process of its own. TLS needs nginx and openssl.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "bench/bare_curl.hpp"
#include "bench/measure.hpp"
#include "bench/servers.hpp"
#include "integration/http_nginx.hpp"
#include "support/loopback_server.hpp"

namespace {

using namespace keywheel;
using namespace keywheel::bench;
using http_test::Nginx;

constexpr std::size_t kBatch = 500;  ///< of streams whose start is timed

/// Streams of one Router that stay open.
class Held {
 public:
  Held(const std::string& base_url, const std::string& ca_file)
      : router_({.services = {{.provider = "openai",
                               .base_url = base_url,
                               .models = {"bench"},
                               .credentials = {{.api_key = "sk-bench-key-1"}}}},
                 .tls = {.ca_file = ca_file}}) {}

  /// Starts so many and waits until each has given its first event.
  void hold(std::size_t count) {
    {
      const std::lock_guard lock(mutex_);
      missing_ += count;
    }
    for (std::size_t i = 0; i < count; ++i) {
      router_.start(
          request_,
          [this, first = true](const ChatEvent& event) mutable {
            if (!event.text().empty() && std::exchange(first, false)) arrived();
          },
          [this](const Result<ChatResponse>& reply) {
            if (!reply && reply.error().kind != ErrorKind::cancelled) failed(reply.error().message);
          });
    }
    std::unique_lock lock(mutex_);
    all_.wait(lock, [&] { return missing_ == 0 || !failure_.empty(); });
    if (!failure_.empty()) throw std::runtime_error("a stream failed: " + failure_);
  }

 private:
  void arrived() {
    const std::lock_guard lock(mutex_);
    if (--missing_ == 0) all_.notify_all();
  }

  void failed(const std::string& why) {
    const std::lock_guard lock(mutex_);
    failure_ = why;
    all_.notify_all();
  }

  const ChatRequest request_{.model = "bench", .messages = {user("Say something about a fox.")}};
  std::mutex mutex_{};
  std::condition_variable all_{};
  std::size_t missing_ = 0;
  std::string failure_{};
  Router router_;
};

/// KiB a stream; microseconds of CPU to start one when few and when all others are open; connections.
std::vector<double> fill(std::size_t streams, int port, const std::function<void(std::size_t)>& hold) {
  hold(10);
  const double memory = resident_kib();
  const double begun = cpu_now();
  hold(kBatch);
  const double few = cpu_now() - begun;
  hold(streams - 10 - 2 * kBatch);
  const double late = cpu_now();
  hold(kBatch);
  const double many = cpu_now() - late;
  const auto us = [](double seconds) { return seconds * 1e6 / static_cast<double>(kBatch); };
  return {(resident_kib() - memory) / static_cast<double>(streams - 10), us(few), us(many),
          port > 0 ? connections_to(port) : 0};
}

std::vector<double> fill_bare(std::size_t streams, const std::string& base_url, const std::string& ca_file) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  BareLoop loop;
  const BareRequest request{
      .url = base_url + "/chat/completions", .body = std::string(kStream), .ca_file = ca_file, .stream = true};
  return fill(streams, 0, [&](std::size_t count) { loop.hold(request, count); });
}

std::vector<double> fill_ours(std::size_t streams, const std::string& base_url, const std::string& ca_file, int port) {
  Held held(base_url, ca_file);
  return fill(streams, port, [&](std::size_t count) { held.hold(count); });
}

std::vector<double> one(const std::vector<double>& numbers, std::size_t index) {
  return index < numbers.size() ? std::vector<double>{numbers[index]} : std::vector<double>{};
}

void report_memory(Report& to, const std::string& name, const std::vector<double>& bare,
                   const std::vector<double>& ours, double target) {
  to.add({.name = name + ": memory",
          .unit = "KiB/stream",
          .floor = one(bare, 0),
          .ours = one(ours, 0),
          .bound = Figure::Bound::value,
          .target = target});
}

void report_nginx(Report& to, const std::string& name, bool http2, std::size_t streams, double target) {
  const Nginx nginx({.http2 = http2, .location = nginx_held_stream()});
  const std::string base = nginx.url("127.0.0.1", "/v1");
  const std::string ca = nginx.ca_file();
  // libcurl alone opens an HTTP/2 connection for each that does not fit just now: no floor to compare with.
  const auto bare = http2 ? std::vector<double>{} : in_child([&] { return fill_bare(streams, base, ca); });
  const auto ours = in_child([&] { return fill_ours(streams, base, ca, nginx.port()); });
  report_memory(to, name, bare, ours, target);
}

}  // namespace

int main(int argc, char** argv) {
  keywheel::testing::raise_file_limit();
  const std::string wanted = argument(argc, argv, "--streams");
  const std::size_t streams =
      std::max<std::size_t>(4 * kBatch, wanted.empty() ? 10'000 : std::strtoul(wanted.c_str(), nullptr, 10));
  const std::size_t tls_streams = std::min<std::size_t>(streams, 2'000);  // a handshake each, on both sides
  Report table(argument(argc, argv, "--json"));

  const auto plain = [&](bool ours) {
    return in_child([&] {
      const ServerProcess server;
      return ours ? fill_ours(streams, server.url() + "/held/v1", {}, 0)
                  : fill_bare(streams, server.url() + "/held/v1", {});
    });
  };
  const std::vector<double> bare = plain(false);
  const std::vector<double> ours = plain(true);
  const std::string all = std::to_string(streams) + " streams";
  report_memory(table, all + ", plain", bare, ours, 32);
  if (!bare.empty() && !ours.empty()) {
    table.add({.name = all + ", plain: memory of keywheel's own",
               .unit = "KiB/stream",
               .ours = {ours[0] - bare[0]},
               .bound = Figure::Bound::value,
               .target = 8});
    table.add(
        {.name = "starting a stream while 10 are open: CPU", .unit = "us", .floor = {bare[1]}, .ours = {ours[1]}});
    table.add({.name = "starting a stream while " + std::to_string(streams - kBatch) + " are open: CPU",
               .unit = "us",
               .floor = {bare[2]},
               .ours = {ours[2]}});
  }
  if (!Nginx::available()) return 0;
  report_nginx(table, std::to_string(tls_streams) + " streams, TLS, HTTP/1.1", false, tls_streams, 80);
  report_nginx(table, std::to_string(tls_streams) + " streams, TLS, HTTP/2", true, tls_streams, 36);
  {
    const Nginx nginx({.location = nginx_held_stream()});
    const auto thousand = in_child([&] {
      Held held(nginx.url("127.0.0.1", "/v1"), nginx.ca_file());
      held.hold(1000);
      return std::vector<double>{connections_to(nginx.port())};
    });
    table.add({.name = "1000 streams, TLS, HTTP/2: connections",
               .unit = "",
               .ours = thousand,
               .bound = Figure::Bound::value,
               .target = 12});
  }
  return 0;
}
