#pragma once

#include <cstddef>
#include <vector>

#include <keywheel/chat.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// A message and its place in ChatRequest::messages, for what is said about it.
struct PlacedMessage {
  const Message* message = nullptr;
  std::size_t place = 0;
};

/// What one side says before the other does: consecutive messages of one role, tool results being the user's.
struct Turn {
  bool assistant = false;
  std::vector<PlacedMessage> messages{};
};

/// A conversation as APIs want it that know two speakers, in turn, and keep the instructions apart.
struct Conversation {
  std::vector<PlacedMessage> system{};  ///< system and developer messages
  std::vector<Turn> turns{};
};

/// Sorts the messages. One that has `extra` of its own keeps a turn of its own, so that `extra` has an object to go to.
[[nodiscard]] Conversation gather_turns(const std::vector<Message>& messages);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
