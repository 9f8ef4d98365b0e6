#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

/// The provider's side of the benchmarks, in processes of their own, so that processor time and memory are the
/// client's alone.

namespace keywheel::bench {

inline constexpr int kEvents = 200;      ///< of the stream that ServerProcess answers with, its last not counted
inline constexpr int kPacedEvents = 50;  ///< of one that comes at a model's pace

inline constexpr std::string_view kAnswer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":)"
    R"({"role":"assistant","content":"The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least."},)"
    R"("logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":20,"total_tokens":29}})";
/// What keywheel sends for the requests of the benchmarks.
inline constexpr std::string_view kUnary =
    R"({"model":"bench","messages":[{"role":"user","content":"Say something about a fox."}]})";
inline constexpr std::string_view kStream =
    R"({"model":"bench","messages":[{"role":"user","content":"Say something about a fox."}],"stream":true,)"
    R"("stream_options":{"include_usage":true}})";
inline constexpr std::string_view kFirstEvent =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench",)"
    R"("choices":[{"index":0,"delta":{"content":"Here"},"logprobs":null,"finish_reason":null}]})";

inline constexpr std::string_view kLastEvent =
    R"(data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

/// The loopback server of the tests. A stream comes as fast as it is read; one whose URL holds "paced", an event each
/// 20 ms; one whose URL holds "held" stays open after its first event. The process ends with the one that made it.
class ServerProcess {
 public:
  ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();
  [[nodiscard]] const std::string& url() const noexcept { return url_; }  ///< "http://127.0.0.1:PORT"

 private:
  pid_t child_ = 0;
  std::string url_{};
};

/// Directives for nginx's "location /": the whole answer at once, or the first event of a stream that then stays open.
[[nodiscard]] std::string nginx_answer();
[[nodiscard]] std::string nginx_held_stream();

/// Connections of this process to that port of the loopback address.
[[nodiscard]] double connections_to(int port);

}  // namespace keywheel::bench
