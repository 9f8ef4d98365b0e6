#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A stretch of an event's text that may differ from one event to the next: a JSON string (quotes included) or a whole
/// number.
struct EventHole {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool number = false;
};

/// Recognises an event that differs from an earlier one only in known places.
///
/// Most events of a stream are the one before with another word in it. Parsing each of them as JSON costs more than
/// everything else a stream does; comparing it with the one before costs almost nothing. A match is exact: the text
/// outside the holes is equal byte for byte, and each hole holds a complete, well-formed JSON string or whole number.
/// So the event has the same structure, and a parser would make the same of it but for what stands in the holes.
/// Whatever is not plain (a \u escape, broken UTF-8, an exponent) is no match, and is left to the parser.
class EventTemplate {
 public:
  /// Takes `text` as the model. `holes` are in order and do not touch; `wanted` is the index of the one, a string, that
  /// match() gives. Nothing else of the arguments is kept.
  void learn(std::string_view text, const std::vector<EventHole>& holes, std::size_t wanted);
  void forget() noexcept { holes_ = 0; }
  [[nodiscard]] bool known() const noexcept { return holes_ > 0; }

  /// `text` is such an event, and its wanted hole is not empty: then `delta` is the hole's decoded string, a view of
  /// `text` or of `scratch`.
  [[nodiscard]] bool match(std::string_view text, std::string& scratch, std::string_view& delta) const;

 private:
  struct Piece {
    std::uint32_t size = 0;  ///< of the fixed text before the hole
    bool number = false;
  };

  std::string fixed_{};          ///< the text outside the holes, from its beginning to its end
  std::vector<Piece> pieces_{};  ///< one a hole
  std::size_t holes_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
