#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

struct Level;

/// Keys that met a limit one after the other, none of them served in between: where so many do, they share it. Of each
/// model by itself, and of limits that hold for all models.
class Streaks {
 public:
  /// Counts `key`, after forgetting those that `is_over` says rest no more. True: so many in a row share their limit.
  template <class IsOver>
  [[nodiscard]] bool add(std::string_view model, const Level* key, IsOver is_over) {
    Streak& streak = of(model);
    std::erase_if(streak.keys, [&](const Level* each) { return each == key || is_over(*each); });
    streak.keys.push_back(key);
    if (streak.keys.size() < kKeysForSharedLimit) return false;
    streak.keys.clear();
    return true;
  }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  void served(std::string_view model) noexcept {
    std::erase_if(all_, [&](const Streak& each) { return each.model.empty() || each.model == model; });
  }
  /// The key turned out to have an owner.
  void forget(const Level* key) noexcept {
    for (Streak& each : all_) std::erase(each.keys, key);
  }
  void clear() noexcept { all_.clear(); }

 private:
  static constexpr std::size_t kKeysForSharedLimit = 3;
  static constexpr std::size_t kMostModels = 64;
  struct Streak {
    std::string model{};  ///< empty: all models
    std::vector<const Level*> keys{};
  };

  [[nodiscard]] Streak& of(std::string_view model) {
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const Streak& each) { return each.model == model; });
    if (known != all_.end()) return *known;
    if (all_.size() >= kMostModels) all_.erase(all_.begin());
    return all_.emplace_back(Streak{.model = std::string(model), .keys = {}});
  }

  std::vector<Streak> all_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
