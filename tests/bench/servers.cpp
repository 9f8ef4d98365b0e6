#include "bench/servers.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/loopback_server.hpp"

namespace keywheel::bench {

using namespace keywheel::testing;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::chrono::milliseconds kPace{20};

std::vector<std::string> stream_events(int count) {
  std::vector<std::string> events;
  for (int i = 0; i < count; ++i) {
    events.push_back(fmt::format(
        R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench",)"
        R"("choices":[{{"index":0,"delta":{{"content":" word{}"}},"logprobs":null,"finish_reason":null}}]}})"
        "\n\n",
        i));
  }
  events.push_back(std::string(kLastEvent) + "\n\n");
  events.emplace_back("data: [DONE]\n\n");
  return events;
}

std::string stream_body() {
  std::string body;
  for (const std::string& event : stream_events(kEvents)) body += event;
  return body;
}

Reply answer(const ReceivedRequest& request, const std::string& stream) {
  if (request.body.find("\"stream\":true") == std::string::npos) return Reply::json(200, std::string(kAnswer));
  if (request.target.find("paced") != std::string::npos) return Reply::sse(stream_events(kPacedEvents), kPace);
  const bool held = request.target.find("held") != std::string::npos;
  Reply reply = Reply::of(200, "text/event-stream", held ? std::string(kFirstEvent) + "\n\n" : stream);
  reply.framing = Reply::Framing::chunked;
  if (held) reply.body.push_back({.bytes = ": end\n\n", .hold = "never"});
  return reply;
}

}  // namespace

ServerProcess::ServerProcess() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // else whoever waits for the end of a pipe that it inherited waits for ever
    ::close(ends[0]);
    const std::string stream = stream_body();
    LoopbackServer server([&stream](const ReceivedRequest& request) { return answer(request, stream); },
                          {.max_records = 0, .record_bodies = false});
    const std::string url = server.url() + "\n";
    if (::write(ends[1], url.data(), url.size()) < 0) ::_exit(1);
    ::close(ends[1]);
    ::pause();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::array<char, 128> buffer{};
  const auto size = ::read(ends[0], buffer.data(), buffer.size());
  ::close(ends[0]);
  url_.assign(buffer.data(), size > 0 ? static_cast<std::size_t>(size) - 1 : 0);
}

ServerProcess::~ServerProcess() {
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

std::string nginx_answer() {
  return fmt::format("default_type application/json; keepalive_requests 1000000; return 200 '{}';", kAnswer);
}

std::string nginx_held_stream() {
  // What goes beyond the first bytes goes at a byte a second: for the time of a benchmark, not at all.
  return fmt::format(
      "default_type text/event-stream; limit_rate_after 800; limit_rate 1; return 200 '{}\n\n: {:2000}\n\n';",
      kFirstEvent, "");
}

double connections_to(int port) {
  int count = 0;
  for (int fd = 0; fd < static_cast<int>(::sysconf(_SC_OPEN_MAX)); ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port) {
      ++count;
    }
  }
  return count;
}

}  // namespace keywheel::bench
