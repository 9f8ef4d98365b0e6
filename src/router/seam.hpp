#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Joins what goes on with a broken answer to what was shown of it already.
///
/// The beginning that the model is given ends without white space: providers refuse it (Anthropic), and a tokenizer
/// makes other tokens after it. The white space that was cut off stays shown; where the model writes it once more, it
/// is left out. A provider that repeats the given beginning has that left out, too.
class Seam {
 public:
  /// `shown`: the answer's text so far.
  Seam(std::string_view shown, Resumption how);

  /// What the model is given.
  [[nodiscard]] static std::string_view beginning(std::string_view shown) noexcept;

  /// The part of the next piece that is to be shown; good until the next call.
  [[nodiscard]] std::string_view pass(std::string_view piece);
  /// Nothing more comes: what was held back, as it was like what is shown.
  [[nodiscard]] std::string_view rest();

 private:
  std::string repeated_;     ///< what may come once more: the beginning, or nothing
  std::string white_space_;  ///< what was cut off
  std::string held_{};       ///< came, and is so far like what may come once more
  std::string out_{};
  bool joined_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
