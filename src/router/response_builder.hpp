#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/transport.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Builds the response from the events of an attempt. Unary answers and streams give the same events, so there is one
/// way to a response.
class ResponseBuilder final : public EventSink {
 public:
  void event(const ChatEvent& event) override;
  void extra(std::string_view name, std::string_view json) override;

  /// Something of the answer has come.
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// It is the beginning of one answer, as text and nothing else.
  [[nodiscard]] bool only_text() const noexcept;
  /// What has come so far of the first answer's text, for a stream that broke.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const Usage& usage() const noexcept { return usage_; }
  /// About how many tokens what has come amounts to, for a provider that was not asked to the end.
  /// Of the attempt that gives it, where several do.
  [[nodiscard]] std::int64_t estimated_completion_tokens() const noexcept { return all_tokens() - before_; }

  /// Another attempt goes on with the answer: keeps what has come of it, and forgets what was said of the attempt.
  void go_on();

  /// The response: choices, usage, id, model and extra. The builder is as new.
  [[nodiscard]] ChatResponse take();

 private:
  /// Token probabilities come in pieces, each {"content":[…],"refusal":[…]}; the lists are joined.
  struct Logprobs {
    std::string content{};
    std::string refusal{};
    std::string other{};  ///< of another shape: the last one
  };

  [[nodiscard]] Choice* choice_at(int index);
  [[nodiscard]] std::int64_t all_tokens() const noexcept;
  void add_reasoning(const ChatEvent& event, std::vector<Part>& content);
  void add_tool_piece(const ChatEvent& event, std::vector<ToolCall>& calls);
  void add_logprobs(std::size_t choice, std::string_view json);

  std::vector<Choice> choices_{};
  std::vector<Logprobs> logprobs_{};
  std::vector<std::pair<std::string, std::string>> extras_{};
  std::string id_{};
  std::string model_{};
  bool started_ = false;
  std::int64_t before_ = 0;  ///< tokens of earlier attempts
  Usage usage_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
