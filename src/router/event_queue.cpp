#include "router/event_queue.hpp"

#include <string_view>
#include <utility>

#include "router/call.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

template <class F>
void each_view(ChatEvent& event, F&& f) {
  for (std::string_view* view :
       {&event.delta, &event.id, &event.name, &event.model, &event.signature, &event.encrypted, &event.native}) {
    if (!view->empty()) f(*view);
  }
}

}  // namespace

void EventQueue::Buffer::clear() noexcept {
  events.clear();
  bytes.clear();
}

bool EventQueue::push(const ChatEvent& event) {
  const std::lock_guard lock(mutex_);
  const bool was_empty = filling_.events.empty();
  ChatEvent& copy = filling_.events.emplace_back(event);
  // The buffer may still move: until next() only the views' lengths count.
  each_view(copy, [this](std::string_view view) { filling_.bytes.append(view); });
  return was_empty;
}

std::size_t EventQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return filling_.bytes.size() + filling_.events.size() * sizeof(ChatEvent);
}

bool EventQueue::refill() {
  reading_.clear();
  next_event_ = 0;
  next_byte_ = 0;
  const std::lock_guard lock(mutex_);
  std::swap(filling_, reading_);
  return !reading_.events.empty();
}

const ChatEvent* EventQueue::next() {
  if (next_event_ == reading_.events.size()) return nullptr;
  ChatEvent& event = reading_.events[next_event_++];
  each_view(event, [this](std::string_view& view) {
    view = std::string_view(reading_.bytes).substr(next_byte_, view.size());
    next_byte_ += view.size();
  });
  return &event;
}

void Throttle::follow(std::weak_ptr<CallState> call) {
  const std::lock_guard lock(mutex_);
  call_ = std::move(call);
}

void Throttle::filled(std::size_t waiting) {
  if (waiting <= most_) return;
  std::shared_ptr<CallState> call;
  {
    const std::lock_guard lock(mutex_);
    // A call that nobody follows yet can be held back with its next event.
    if (!paused_) call = call_.lock();
    paused_ = paused_ || call;
  }
  if (call) call->pause();
}

void Throttle::emptied() {
  std::shared_ptr<CallState> call;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(paused_, false)) call = call_.lock();
  }
  if (call) call->resume();
}

std::shared_ptr<CallState> Throttle::call() const {
  const std::lock_guard lock(mutex_);
  return call_.lock();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
