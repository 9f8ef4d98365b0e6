#include "providers/anthropic_models.hpp"

#include <array>
#include <cstddef>

#include "providers/text.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

using enum ClaudeThinking;

/// The first row whose family fits and whose version is not above the model's holds.
struct Row {
  std::string_view family;  ///< empty: any
  int version;              ///< 4.5 is 405
  ClaudeTraits traits;
};

// https://platform.claude.com/docs/en/models/overview (lengths), …/build-with-claude/adaptive-thinking and …/effort
// (thinking), …/about-claude/models/migration-guide (sampling from 4.7 on; forced tools with Opus 5.5 and Fable 5.1),
// …/build-with-claude/structured-outputs (schemas).
constexpr std::array kRows = {
    Row{"claude-v", 0, {4'096, none, true, true, false}},
    Row{"instant", 0, {4'096, none, true, true, false}},
    Row{"mythos-preview", 0, {128'000, always, false}},
    Row{"fable", 501, {128'000, always, false, false}},
    Row{"fable", 0, {128'000, always, false}},
    Row{"mythos", 501, {128'000, always, false, false}},
    Row{"mythos", 0, {128'000, always, false}},
    Row{"opus", 505, {128'000, always, false, false}},
    Row{"", 407, {128'000, adaptive, false}},
    Row{"opus", 406, {128'000, either}},
    Row{"", 406, {64'000, either}},
    Row{"", 405, {64'000, budget}},
    Row{"opus", 401, {32'000, budget}},
    Row{"opus", 400, {32'000, budget, true, true, false}},
    Row{"", 400, {64'000, budget, true, true, false}},
    Row{"", 307, {64'000, budget, true, true, false}},
    Row{"", 305, {8'192, none, true, true, false}},
    Row{"", 0, {4'096, none, true, true, false}},
};

// What no vendor of the dialect refuses.
constexpr ClaudeTraits kStranger = {.max_tokens = 8'192, .thinking = budget, .signed_thoughts = false};
constexpr int kNoVersion = 9999;

constexpr bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The first number of one or two digits that stands alone, and the one right behind it: dates are longer, and the v1
/// of a Bedrock id does not stand alone.
int version_of(std::string_view name) noexcept {
  const auto number_at = [name](std::size_t begin) -> std::size_t {
    std::size_t end = begin;
    while (end < name.size() && digit(name[end])) ++end;
    const bool alone =
        end == name.size() || name[end] == '-' || name[end] == '.' || name[end] == '@' || name[end] == ':';
    return alone && end - begin <= 2 ? end - begin : 0;
  };
  const auto value = [name](std::size_t begin, std::size_t size) {
    int sum = 0;
    for (const char c : name.substr(begin, size)) sum = sum * 10 + (c - '0');
    return sum;
  };
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (!digit(name[i]) || name[i - 1] != '-') continue;
    const std::size_t major = number_at(i);
    if (major == 0) continue;
    const std::size_t next = i + major + 1;
    const bool more = next < name.size() && name[next - 1] != '@' && number_at(next) > 0;
    return value(i, major) * 100 + (more ? value(next, number_at(next)) : 0);
  }
  return kNoVersion;
}

}  // namespace

ClaudeTraits claude_traits(std::string_view model) noexcept {
  const std::size_t begin = find_ignoring_case(model, "claude");
  if (begin == std::string_view::npos) return kStranger;
  const std::string_view name = model.substr(begin);
  const int version = version_of(name);
  for (const Row& row : kRows) {
    if (version >= row.version && contains_ignoring_case(name, row.family)) return row.traits;
  }
  return kStranger;
}

Resumption claude_resumption(const ChatRequest& request, std::string_view model) noexcept {
  if (!contains_ignoring_case(model, "claude")) return Resumption::none;
  if (!request.reasoning_effort.empty() || request.reasoning_tokens) return Resumption::none;
  // The models that may think by themselves are those that take no beginning any more.
  const ClaudeThinking thinking = claude_traits(model).thinking;
  return thinking == none || thinking == budget ? Resumption::appends : Resumption::none;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
