#include "config/rotation.hpp"

#include <cstddef>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::optional<Rotation> parse_rotation(std::string_view text) noexcept {
  struct Spelling {
    std::string_view text;
    Rotation rotation;
  };
  // The first four rotations, and the short names, are simple-one-api's.
  constexpr Spelling kSpellings[] = {
      {"first", Rotation::first},
      {"random", Rotation::random},
      {"rand", Rotation::random},
      {"", Rotation::random},
      {"round_robin", Rotation::round_robin},
      {"roundrobin", Rotation::round_robin},
      {"rr", Rotation::round_robin},
      {"hash", Rotation::hash},
      {"least_busy", Rotation::least_busy},
      {"least_used", Rotation::least_used},
      {"lowest_latency", Rotation::lowest_latency},
      {"lowest_cost", Rotation::lowest_cost},
  };
  for (const Spelling& spelling : kSpellings) {
    if (spelling.text.size() != text.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < text.size() && same; ++i) {
      const char c = text[i];
      const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' ? '_' : c;
      same = folded == spelling.text[i];
    }
    if (same) return spelling.rotation;
  }
  return std::nullopt;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
