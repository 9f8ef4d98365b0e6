// How fast a stream becomes events, on one core, and how often it allocates.
//
//   decoder_bench [MEGABYTES]
//
// The streams are what OpenAI, DeepSeek and a tool call look like on the wire, in pieces of 16 KiB as libcurl gives
// them. "plain" feeds the same events with something different in each that keeps the decoder from recognising them, so
// that every one is parsed.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

#include <fmt/format.h>
#include <time.h>

#include "providers/registry.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace {

/// Seconds of processor time of this thread: what a busy machine leaves meaningful.
double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::size_t kPiece = std::size_t{16} * 1024;

class Counter final : public keywheel::EventSink {
 public:
  void event(const keywheel::ChatEvent& event) override {
    ++events;
    bytes += event.delta.size();
  }
  void extra(std::string_view /*name*/, std::string_view /*json*/) override {}
  std::size_t events = 0;
  std::size_t bytes = 0;
};

constexpr std::string_view kWords[] = {" the",  " quick", " brown",        " fox\\n\\n", "- **jumps**",
                                       " over", " a",     " \\\"lazy\\\"", " dog",       ".",
                                       " 你好", "，世界", " tokenization"};

std::string_view word(std::size_t i) { return kWords[(i * 7 + i / 5) % std::size(kWords)]; }

std::string openai_event(std::size_t i, bool parsed) {
  return fmt::format(
             R"(data: {{"id":"chatcmpl-{}","object":"chat.completion.chunk","created":1763900000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_560af6e559","choices":[{{"index":0,"delta":{{"content":"{}"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"{}"}})",
             parsed ? fmt::format("{:020}", i) : "CfGkJt2jvIuMXfmmVgdRLdiJ98u9T", word(i),
             std::string_view("abcdefghijklmnop").substr(0, 1 + i % 16)) +
         "\n\n";
}

std::string deepseek_event(std::size_t i, bool parsed) {
  return fmt::format(
             R"(data: {{"id":"{}","object":"chat.completion.chunk","created":1763900000,"model":"deepseek-reasoner","system_fingerprint":"fp_393bca965e","choices":[{{"index":0,"delta":{{"content":null,"reasoning_content":"{}"}},"logprobs":null,"finish_reason":null}}]}})",
             parsed ? fmt::format("{:036}", i) : "7c2b1f0a-57a1-4a32-9a44-1c1f0ad1fd3e", word(i)) +
         "\n\n";
}

std::string tool_event(std::size_t i, bool parsed) {
  const std::string head = fmt::format(
      R"(data: {{"id":"{}","object":"chat.completion.chunk","created":1763900000,"model":"gpt-4o","choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,)",
      parsed ? fmt::format("{:020}", i) : "chatcmpl-1");
  if (i == 0) {
    return head +
           R"("id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}]})" +
           "\n\n";
  }
  return head + fmt::format(R"("function":{{"arguments":"\"{}\","}}}}]}},"finish_reason":null}}]}})", i % 1000) +
         "\n\n";
}

void measure(std::string_view name, std::string (*event)(std::size_t, bool), bool parsed, std::size_t megabytes) {
  std::string stream;
  std::size_t events = 0;
  for (; stream.size() < (std::size_t{8} << 20U); ++events) stream += event(events, parsed);
  const auto transport = keywheel::detail::make_transport("openai", "");
  const keywheel::ServiceConfig service{.provider = "openai"};
  const keywheel::CredentialConfig credential{};
  const keywheel::Bounds bounds{};
  const keywheel::Target target{
      .service = service, .credential = credential, .base_url = {}, .model = "m", .stream = true};
  const auto decoder = transport->decoder({.status = 200}, target, bounds);
  Counter counter;
  const auto run = [&] {
    for (std::size_t at = 0; at < stream.size(); at += kPiece) {
      const auto failure = decoder->feed(std::string_view(stream).substr(at, kPiece), counter);
      if (failure) {
        std::fprintf(stderr, "%s\n", failure->message.c_str());
        std::exit(1);
      }
    }
  };
  run();
  const std::size_t rounds = std::max<std::size_t>(1, (megabytes << 20U) / stream.size());
  const std::size_t before = allocations.load();
  const double begin = processor_time();
  for (std::size_t i = 0; i < rounds; ++i) run();
  const double took = processor_time() - begin;
  const auto total = static_cast<double>(events * rounds);
  fmt::print("{:<22} {:>7.0f} MB/s {:>7.0f} ns/event {:>6.0f} bytes/event {:>8.4f} allocations/event\n", name,
             static_cast<double>(stream.size() * rounds) / 1e6 / took, took * 1e9 / total,
             static_cast<double>(stream.size()) / static_cast<double>(events),
             static_cast<double>(allocations.load() - before) / total);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 256;
  measure("openai", &openai_event, false, megabytes);
  measure("deepseek", &deepseek_event, false, megabytes);
  measure("tool call", &tool_event, false, megabytes);
  measure("openai, plain", &openai_event, true, megabytes / 4);
  measure("deepseek, plain", &deepseek_event, true, megabytes / 4);
}
