#include "providers/turns.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

Conversation gather_turns(const std::vector<Message>& messages) {
  Conversation sorted;
  bool apart = false;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == Role::system || message.role == Role::developer) {
      sorted.system.push_back({&message, i});
      continue;
    }
    const bool assistant = message.role == Role::assistant;
    const bool own = message.role != Role::tool && !message.extra.empty();
    if (sorted.turns.empty() || sorted.turns.back().assistant != assistant || own || apart) {
      sorted.turns.push_back({assistant, {}});
    }
    sorted.turns.back().messages.push_back({&message, i});
    apart = own;
  }
  return sorted;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
