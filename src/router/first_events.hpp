#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// How long attempts take until they say something, by service and model; streams apart from whole answers, which say
/// it all at their end. The last hundred or so of each are remembered. Any thread.
class FirstEvents {
 public:
  void add(std::string_view service, std::string_view model, bool stream, std::chrono::nanoseconds after);

  /// The time within which 95 of 100 did. Nothing: too few have been seen to say.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> usual(std::string_view service, std::string_view model,
                                                              bool stream) const;

 private:
  static constexpr std::size_t kKept = 128;
  static constexpr std::size_t kFewest = 20;
  struct Times {
    std::array<std::uint32_t, kKept> microseconds{};
    std::uint32_t count = 0;  ///< in all
  };
  using Key = std::tuple<std::string, std::string, bool>;
  using View = std::tuple<std::string_view, std::string_view, bool>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a) < View(b);
    }
  };
  mutable std::mutex mutex_{};
  std::map<Key, Times, Less> times_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
