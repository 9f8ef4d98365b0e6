#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/registry.hpp"

/// Any bytes are an OpenAI body or an error, and what was read can be said to every provider or is refused. The first
/// byte chooses the provider.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keywheel;
  if (size < 1) return 0;
  Result<ChatRequest> request = parse_chat_request({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!request) return 0;
  static const std::vector<std::string_view> names = detail::provider_names();
  const std::string provider(names[data[0] % names.size()]);
  const std::shared_ptr<const Transport> transport = detail::make_transport(provider, {});
  if (transport == nullptr) return 0;
  const ServiceConfig service{.provider = provider};
  const CredentialConfig credential{.api_key = "key"};
  std::vector<std::string> warnings;
  const Target target{.service = service,
                      .credential = credential,
                      .base_url = "https://localhost/v1",
                      .model = "model",
                      .on_unsupported = OnUnsupported::warn,
                      .warnings = &warnings};
  static_cast<void>(transport->encode(*request, target));
  return 0;
}
