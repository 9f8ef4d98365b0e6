#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class CallState;

/// Calls that wait in the line for other services, since one that they could have used rests or recovers. They came
/// before those that come now, so its places are theirs first. Calls may come from any thread.
class TurnedAway {
 public:
  void add(std::string_view service, std::string_view model, std::uint64_t ticket, std::weak_ptr<CallState> call);
  /// It waits no more. Unknown tickets are ignored.
  void remove(std::uint64_t ticket);
  /// Somebody who came before the holder of `ticket` (0: a newcomer) is to be served there first.
  [[nodiscard]] bool anyone_before(std::string_view service, std::string_view model, std::uint64_t ticket) const;
  /// Those that are to look again, the first to have come first.
  [[nodiscard]] std::vector<std::shared_ptr<CallState>> first(std::string_view service, std::string_view model,
                                                              std::size_t most) const;
  [[nodiscard]] bool empty() const noexcept { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  using Place = std::pair<std::string, std::string>;

  mutable std::mutex mutex_{};
  std::map<Place, std::map<std::uint64_t, std::weak_ptr<CallState>>> waiting_{};
  std::multimap<std::uint64_t, Place> places_{};  ///< by ticket
  std::atomic<std::size_t> count_{0};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
