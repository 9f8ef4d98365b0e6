// How fast a stream becomes events, on one core, and how often it allocates.
//
//   decoder_bench [--megabytes N] [--json FILE]
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

#include "bench/measure.hpp"
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

constexpr int kRounds = 9;
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

void measure(keywheel::bench::Report& to, const std::string& name, std::string (*event)(std::size_t, bool), bool parsed,
             std::size_t megabytes) {
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
  using keywheel::bench::Figure;
  Figure speed{.name = "decoding, " + name, .unit = "MB/s", .bound = Figure::Bound::at_least, .target = 500};
  Figure calls{.name = "decoding, " + name + ": allocations", .unit = "per event", .bound = Figure::Bound::value};
  if (parsed) speed.bound = calls.bound = Figure::Bound::none;
  const std::size_t passes = std::max<std::size_t>(1, (megabytes << 20U) / stream.size() / kRounds);
  const auto size = static_cast<double>(stream.size() * passes);
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t before = allocations.load();
    const double begin = keywheel::bench::cpu_now();
    for (std::size_t i = 0; i < passes; ++i) run();
    const double seconds = keywheel::bench::cpu_now() - begin;
    const std::size_t made = allocations.load() - before;
    speed.ours.push_back(size / 1e6 / seconds);
    calls.ours.push_back(static_cast<double>(made) / static_cast<double>(events * passes));
  }
  to.add(speed);
  to.add(calls);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = keywheel::bench::argument(argc, argv, "--megabytes");
  const std::size_t megabytes = wanted.empty() ? 256 : std::strtoul(wanted.c_str(), nullptr, 10);
  keywheel::bench::Report table(keywheel::bench::argument(argc, argv, "--json"));
  measure(table, "openai", &openai_event, false, megabytes);
  measure(table, "deepseek", &deepseek_event, false, megabytes);
  measure(table, "tool call", &tool_event, false, megabytes);
  measure(table, "openai, every event parsed", &openai_event, true, megabytes / 4);
  measure(table, "deepseek, every event parsed", &deepseek_event, true, megabytes / 4);
}
