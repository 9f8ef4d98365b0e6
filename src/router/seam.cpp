#include "router/seam.hpp"

#include <algorithm>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::size_t common(std::string_view a, std::string_view b) noexcept {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
}

}  // namespace

Seam::Seam(std::string_view shown, Resumption how)
    : repeated_(how == Resumption::repeats ? beginning(shown) : std::string_view()),
      white_space_(shown.substr(beginning(shown).size())) {}

std::string_view Seam::beginning(std::string_view shown) noexcept {
  const std::size_t last = shown.find_last_not_of(kWhiteSpace);
  return shown.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::string_view Seam::pass(std::string_view piece) {
  if (joined_) return piece;
  held_ += piece;
  std::string_view left = held_;
  // Only as a whole: a model may well begin with the words it began with before.
  if (!repeated_.empty()) {
    const std::size_t same = common(left, repeated_);
    if (same == left.size() && same < repeated_.size()) return {};
    if (same == repeated_.size()) left.remove_prefix(same);
  }
  const std::size_t same = common(left, white_space_);
  if (same == left.size() && same < white_space_.size()) return {};
  left.remove_prefix(same);
  if (left.empty() && same == 0) return {};
  joined_ = true;
  out_ = left;
  return out_;
}

std::string_view Seam::rest() {
  if (joined_) return {};
  joined_ = true;
  // Only white space that is shown already can be left out as it stands.
  std::string_view left = held_;
  if (!repeated_.empty() && left.starts_with(repeated_)) left.remove_prefix(repeated_.size());
  left.remove_prefix(common(left, white_space_));
  out_ = left;
  return out_;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
