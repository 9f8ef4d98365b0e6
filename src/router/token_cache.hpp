#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/credential_pool.hpp>
#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The tokens that were fetched with credentials, by credential id. One fetch in flight each; a token is renewed before
/// it ends. Calls may come from any thread.
class TokenCache {
 public:
  /// A fetch has ended. With a failure: the waiter's, too, or a dead key would be tried out once for each of them.
  /// Without: it asks again. Called with no lock held.
  using Wake = std::function<void(const std::optional<Failure>& failure)>;

  enum class Answer : std::uint8_t {
    token,  ///< here it is
    fetch,  ///< the asker fetches it and must call done()
    wait,   ///< somebody fetches it; `wake` is called
  };
  /// `wake` is kept only with Answer::wait.
  [[nodiscard]] Answer ask(std::string_view credential, TimePoint now, Secret& token, Wake wake);

  /// The fetch has ended: with a token, with a failure, or with neither, since its call was given up. Wakes who waited.
  void done(std::string_view credential, std::optional<Token> token, TimePoint now,
            const std::optional<Failure>& failure = std::nullopt);

  /// The provider refused this token: it is not used again. A newer one stays.
  void drop(std::string_view credential, const Secret& token);

 private:
  struct Entry {
    Secret value{};
    TimePoint renew_at{};
    bool fetching = false;
    std::vector<Wake> waiting{};
  };
  std::mutex mutex_{};
  std::map<std::string, Entry, std::less<>> entries_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
