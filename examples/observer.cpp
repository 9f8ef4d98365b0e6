#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include <keywheel/keywheel.hpp>

/// Writes a span for each call and each attempt, named as OpenTelemetry's conventions for generative AI have it. Hand
/// name and attributes to your tracer instead, and the statistics to your scrape endpoint.

namespace {

class SpanPrinter final : public keywheel::Observer {
 public:
  void on_attempt_ended(const keywheel::AttemptEnded& event) override {
    print("  attempt", keywheel::otel_span(event));
  }
  void on_call_ended(const keywheel::CallEnded& event) override { print("call", keywheel::otel_span(event)); }

 private:
  void print(const char* kind, const keywheel::OtelSpan& span) {
    // With several loops, events come from several threads.
    const std::lock_guard lock(mutex_);
    std::printf("%s \"%s\"\n", kind, span.name.c_str());
    for (const auto& [name, value] : span.attributes)
      std::printf("    %s = %s\n", std::string(name).c_str(), value.c_str());
  }

  std::mutex mutex_{};
};

}  // namespace

int main() {
  keywheel::Router router({.services = {{.provider = "openai",
                                         .models = {"gpt-4o-mini"},
                                         .credentials = {{.api_key = keywheel::env("OPENAI_API_KEY")}}}},
                           .observer = std::make_shared<SpanPrinter>()});
  const auto reply = router.chat({.model = "gpt-4o-mini", .messages = {keywheel::user("Say hello.")}});
  std::printf("\n%s", keywheel::to_prometheus(router.stats()).c_str());
  return reply ? 0 : 1;
}
