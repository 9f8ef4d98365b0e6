#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/config.hpp>
#include <keywheel/error.hpp>
#include <keywheel/transport.hpp>

/// From a model's name to the services that may serve it.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// One service of the config, ready for use.
struct ServiceEntry {
  ServiceConfig config{};
  std::shared_ptr<const Transport> transport{};
  std::string base_url{};
  Timeouts timeouts{};
  RetryPolicy retry{};
  ProxyConfig proxy{};
  TlsConfig tls{};
};

/// A service that may serve a call, and the name of the model there.
struct Candidate {
  std::size_t service = 0;  ///< index into the snapshot's services
  std::string model{};      ///< as it is sent upstream
};

/// Where the names of a config lead. Immutable once built.
class Routes {
 public:
  enum class Kind : std::uint8_t { chat, embedding };

  Routes() = default;
  Routes(const RouterConfig& config, const std::vector<ServiceEntry>& services);

  /// Every service that serves `model`, unordered, after all redirects and maps. Error: not_found, naming near names.
  [[nodiscard]] Result<std::vector<Candidate>> find(std::string_view model, Kind kind) const;

  /// Every name a request may use.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  using Table = std::map<std::string, std::vector<Candidate>, std::less<>>;
  struct Open {  ///< a service that takes any model
    std::size_t service = 0;
    std::string provider{};
    std::string id{};
    std::map<std::string, std::string> model_map{};
  };

  [[nodiscard]] std::vector<Candidate> all(Kind kind) const;
  [[nodiscard]] std::vector<Candidate> by_prefix(std::string_view model) const;
  [[nodiscard]] Error unknown(std::string_view model, Kind kind) const;

  std::map<std::string, std::string, std::less<>> redirect_{};
  Table chat_{};
  Table embedding_{};
  std::vector<Open> services_{};     ///< every enabled one, for "provider/model"
  std::vector<std::size_t> open_{};  ///< into services_: those without a list of models
  std::string first_model_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
