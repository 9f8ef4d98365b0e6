#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/keywheel.hpp>

#include "support/loopback_provider.hpp"

namespace keywheel::testing {

/// A provider as a service of the loopback provider, which speaks that vendor's wire format. The table of them has
/// every name that the registry knows, so that one who adds a name meets these tests.
struct ProviderCase {
  std::string provider{};
  std::string api{};
  std::string path{};  ///< behind the loopback provider's URL
  std::string model = "some-model";
  /// Makes a credential out of a key; empty: the key is the api_key.
  std::function<void(CredentialConfig&, const std::string& key, const std::string& url)> credential{};
  std::map<std::string, std::string> options{};
  std::string note{};           ///< tells cases of one provider apart
  std::string key_suffix{};     ///< what is sent behind the key
  bool compatible = false;      ///< of the two dialects that the provider has, the entry chooses OpenAI's
  bool always_streams = false;  ///< upstream, whatever the caller asked for
  bool splits_usage = true;     ///< the vendor counts prompt and answer apart
  bool ends_silently = false;   ///< a stream without its last pieces cannot be told from a whole one
  bool url_as_option = false;   ///< options.control_url is the loopback provider's

  [[nodiscard]] std::string name() const;
  [[nodiscard]] Capabilities capabilities() const;
  /// What its requests are in: `api`, or, where that leaves it open, what the Transport chooses.
  [[nodiscard]] std::string dialect() const;
  [[nodiscard]] ServiceConfig service(const std::string& url, const std::vector<std::string>& keys) const;
};

/// As Catch2 prints it.
std::ostream& operator<<(std::ostream& out, const ProviderCase& provider);

[[nodiscard]] std::vector<ProviderCase> provider_cases();

/// The case's loopback provider, and a Router with so many keys ("key-1", …; the first first).
struct RoundTrip {
  explicit RoundTrip(const ProviderCase& provider_case, int keys = 1);

  /// One call: streamed, with `pushed` the text of its events, or whole.
  [[nodiscard]] Result<ChatResponse> chat(const ChatRequest& request, bool stream);
  [[nodiscard]] std::string key(int number) const;
  [[nodiscard]] KeyLog log(int number) const { return loopback.log(key(number)); }

  ProviderCase provider;
  LoopbackProvider loopback{};
  RouterConfig config{};
  std::unique_ptr<Router> router{};
  std::string pushed{};
  int pieces = 0;  ///< events with text
};

/// A service account's file whose key is made anew; its token comes from `url`.
[[nodiscard]] std::string service_account(const std::string& email, const std::string& url);

/// The dialects that a provider's service may be spoken to in.
void add_dialects(ProviderEngine& engine, std::string_view provider, std::string_view api);

}  // namespace keywheel::testing
