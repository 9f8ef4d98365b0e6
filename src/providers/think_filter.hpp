#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <keywheel/version.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Parts `<think>…</think>` at the start of an answer from the answer, wherever the stream cuts the tags. A tag further
/// on is text: the model may be writing about tags.
class ThinkFilter {
 public:
  /// `opened`: the answer begins inside the thought, since the prompt has opened it (DeepSeek R1's chat template).
  explicit ThinkFilter(bool opened) : state_(opened ? State::thought : State::start) {}

  /// Calls `emit(bool thought, std::string_view)` for what is certain.
  template <class Emit>
  void feed(std::string_view text, Emit&& emit) {
    if (state_ == State::answer) {
      emit(false, text);
      return;
    }
    held_.append(text);
    while (step(emit)) {
    }
  }

  /// The answer has ended: what was held is what it seems to be.
  template <class Emit>
  void finish(Emit&& emit) {
    if (!held_.empty()) emit(state_ == State::thought, std::string_view(held_));
    held_.clear();
  }

 private:
  enum class State : std::uint8_t { start, thought, answer };
  static constexpr std::string_view kOpen = "<think>";
  static constexpr std::string_view kClose = "</think>";

  /// How much of the end of `text` may be the beginning of `tag`.
  static std::size_t overlap(std::string_view text, std::string_view tag) noexcept {
    std::size_t size = tag.size() - 1 < text.size() ? tag.size() - 1 : text.size();
    while (size > 0 && text.substr(text.size() - size) != tag.substr(0, size)) --size;
    return size;
  }

  /// Decides about held_ as far as it can; true: there is more to decide.
  template <class Emit>
  bool step(Emit&& emit) {
    if (state_ == State::start) {
      const std::size_t begin = held_.find_first_not_of(" \t\r\n");
      const std::string_view rest =
          begin == std::string::npos ? std::string_view{} : std::string_view(held_).substr(begin);
      if (rest.size() < kOpen.size() && kOpen.starts_with(rest) && held_.size() < kLongestPrelude) return false;
      if (rest.starts_with(kOpen)) {
        held_.erase(0, begin + kOpen.size());
        state_ = State::thought;
        return true;
      }
      state_ = State::answer;
    }
    if (state_ == State::answer) {
      if (!held_.empty()) emit(false, std::string_view(held_));
      held_.clear();
      return false;
    }
    const std::size_t close = held_.find(kClose);
    const std::size_t sure = close == std::string::npos ? held_.size() - overlap(held_, kClose) : close;
    if (sure > 0) emit(true, std::string_view(held_).substr(0, sure));
    if (close == std::string::npos) {
      held_.erase(0, sure);
      return false;
    }
    held_.erase(0, close + kClose.size());
    state_ = State::answer;
    return true;
  }

  static constexpr std::size_t kLongestPrelude = 64;  ///< white space before the tag
  State state_;
  std::string held_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
