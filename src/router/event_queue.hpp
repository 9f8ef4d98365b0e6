#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <keywheel/chat.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class CallState;

/// Events on their way from the loop to another thread. Two buffers change places, so that in the steady state nothing
/// is allocated and the reader walks his without a lock.
class EventQueue {
 public:
  /// Adds a copy. On the loop. True: the queue was empty, so a waiting reader is to be woken.
  bool push(const ChatEvent& event);
  /// Bytes that wait, the reader's own not counted.
  [[nodiscard]] std::size_t waiting() const;

  /// Takes over what waits; false when there is nothing. By the reader, when he has gone through what he had.
  bool refill();
  /// The reader's next event, its views good until the next refill(); null when there is none left.
  [[nodiscard]] const ChatEvent* next();

 private:
  struct Buffer {
    std::vector<ChatEvent> events{};
    std::string bytes{};  ///< the characters of all views, one after the other
    void clear() noexcept;
  };
  mutable std::mutex mutex_{};
  Buffer filling_{};
  Buffer reading_{};
  std::size_t next_event_ = 0;
  std::size_t next_byte_ = 0;
};

/// Holds a call back while its reader is slow, so that a queue stays within its bound.
class Throttle {
 public:
  explicit Throttle(std::size_t most) noexcept : most_(most) {}

  void follow(std::weak_ptr<CallState> call);
  /// This much waits: too much stops the call's transfer. On the loop.
  void filled(std::size_t waiting);
  /// The reader has taken all: the transfer goes on. By the reader.
  void emptied();
  [[nodiscard]] std::shared_ptr<CallState> call() const;

 private:
  const std::size_t most_;
  mutable std::mutex mutex_{};
  std::weak_ptr<CallState> call_{};
  bool paused_ = false;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
