#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/registry.hpp"

/// Whatever a provider sends is an answer or a failure, and the same in whatever pieces it comes. The first byte
/// chooses the provider, the second the kind of answer and the size of the pieces; the rest is what is sent.

namespace {

using namespace keywheel;

class Listener : public EventSink {
 public:
  void event(const ChatEvent& event) override {
    if (heard_.empty() || event.type != last_) heard_ += static_cast<char>('a' + static_cast<int>(event.type));
    last_ = event.type;
    heard_ += event.delta;
  }
  void extra(std::string_view name, std::string_view json) override { heard_.append(name).append(json); }
  [[nodiscard]] const std::string& heard() const { return heard_; }

 private:
  std::string heard_{};
  ChatEvent::Type last_{};
};

struct Outcome {
  bool failed = false;
  std::string heard;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(const Transport& transport, const HttpHead& head, const Target& target, std::string_view body,
               std::size_t piece) {
  const Bounds bounds{.max_event = 1U << 16U, .max_json_depth = 32};
  const std::unique_ptr<Decoder> decoder = transport.decoder(head, target, bounds);
  Listener listener;
  while (!body.empty() && !decoder->complete()) {
    const std::string_view next = body.substr(0, piece);
    body.remove_prefix(next.size());
    // On the heap and no longer than the piece, so that reading past it is seen.
    const std::vector<char> copy(next.begin(), next.end());
    if (decoder->feed({copy.data(), copy.size()}, listener)) return {true, listener.heard()};
  }
  const bool failed = decoder->finish(listener).has_value();
  return {failed, listener.heard()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const std::vector<std::string_view> names = detail::provider_names();
  const std::string provider(names[data[0] % names.size()]);
  const std::shared_ptr<const Transport> transport = detail::make_transport(provider, {});
  if (transport == nullptr) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);

  constexpr std::array<const char*, 4> kTypes = {"application/json", "text/event-stream", "application/x-ndjson",
                                                 "application/vnd.amazon.eventstream"};
  const std::size_t kind = data[1] % kTypes.size();
  const ServiceConfig service{.provider = provider};
  const CredentialConfig credential{.api_key = "key"};
  const Target target{
      .service = service, .credential = credential, .base_url = {}, .model = "model", .stream = kind != 0};
  HttpHead head{.status = 200, .headers = {{"content-type", kTypes[kind]}}};

  const Outcome whole = decode(*transport, head, target, body, size);
  const Outcome pieces = decode(*transport, head, target, body, 1U + data[1] / kTypes.size() % 8U);
  if (!whole.failed && whole != pieces) std::abort();

  head.status = 429;
  head.headers.push_back({"x-ratelimit-limit-requests", std::string(body.substr(0, size / 3))});
  head.headers.push_back({"x-ratelimit-remaining-requests", std::string(body.substr(size / 3))});
  head.headers.push_back({"anthropic-ratelimit-requests-reset", std::string(body)});
  head.headers.push_back({std::string(body), "1"});
  static_cast<void>(transport->stated_quota(head, WallTime{}));
  static_cast<void>(transport->classify(head, body, WallTime{}));
  static_cast<void>(transport->read_token(body, target));
  EmbeddingResponse embedding;
  static_cast<void>(transport->decode_embedding(body, 2, embedding));
  std::vector<ModelInfo> models;
  static_cast<void>(transport->decode_listing(body, models));
  return 0;
}
