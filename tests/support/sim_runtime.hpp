#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/runtime.hpp"

/// The whole Router on a virtual clock and a scripted network: hours of traffic in milliseconds, and the same result
/// for the same seed.

namespace keywheel::testing {

/// How a request travels, decided when it is sent off.
struct SimTravel {
  std::chrono::nanoseconds connect{
      0};                              ///< until a connection carries it (on_sent); or until it is known that none will
  std::chrono::nanoseconds uplink{0};  ///< from then until it arrives at the provider
  std::optional<detail::ExchangeEnd> failed{};  ///< it never arrives: the exchange ends so after `connect`
};

struct SimPiece {
  std::chrono::nanoseconds delay{0};  ///< after the piece before it (or the head)
  std::string bytes{};
};

/// What comes back, decided when the request arrives at the provider.
struct SimAnswer {
  std::chrono::nanoseconds head_delay{0};  ///< from the arrival until the head is here; without a head, until the end
  std::optional<HttpHead> head{};          ///< nothing: the exchange ends without one
  std::vector<SimPiece> body{};
  std::chrono::nanoseconds end_delay{0};  ///< after the last piece
  bool ends = true;                       ///< false: nothing more ever comes
  detail::ExchangeEnd end{};
};

class SimNetwork {
 public:
  virtual ~SimNetwork() = default;
  [[nodiscard]] virtual SimTravel travel(const HttpRequest& request, TimePoint now);
  /// It is being written to a connected socket. From here on it arrives, whoever gives up on it.
  virtual void sent(const HttpRequest& request, TimePoint now);
  /// Called in the order of arrival.
  [[nodiscard]] virtual SimAnswer answer(const HttpRequest& request, TimePoint arrival) = 0;
  /// What was sent has its end, or its sender gave up on it.
  virtual void closed(const HttpRequest& request, TimePoint now);
};

/// A network that is one function; travelling takes no time.
class SimScript : public SimNetwork {
 public:
  using Function = std::function<SimAnswer(const HttpRequest&, TimePoint)>;
  explicit SimScript(Function function) : function_(std::move(function)) {}
  [[nodiscard]] SimAnswer answer(const HttpRequest& request, TimePoint arrival) override {
    return function_(request, arrival);
  }

 private:
  Function function_;
};

/// A Runtime whose clock moves only from event to event, in the order of their times, and of equal ones in the order
/// in which they were made. One thread. What breaks Runtime's contract (a timer set off the loop, a wait on it) throws
/// std::logic_error.
class SimRuntime : public detail::Runtime {
 public:
  struct Options {
    std::uint64_t seed = 1;
    TimePoint start{std::chrono::hours(1)};  ///< not 0, so that nobody takes a default for a time
    WallTime wall_start{std::chrono::seconds(1'750'000'000)};
    std::chrono::hours horizon{24 * 400};  ///< a wait that goes further than this after the start throws
  };

  explicit SimRuntime(SimNetwork& network) : SimRuntime(network, Options{}) {}
  SimRuntime(SimNetwork& network, Options options);
  SimRuntime(const SimRuntime&) = delete;
  SimRuntime& operator=(const SimRuntime&) = delete;
  ~SimRuntime() override;

  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] WallTime wall_time() const override;
  [[nodiscard]] std::uint64_t random() override;
  bool post(detail::Task task) override;
  [[nodiscard]] detail::TimerId at(TimePoint when, detail::Task task) override;
  void cancel(detail::TimerId timer) override;
  [[nodiscard]] std::unique_ptr<detail::Exchange> exchange(HttpRequest request, const detail::ExchangeOptions& options,
                                                           detail::ExchangeListener& listener) override;
  /// Runs the loop until the gate opens. Throws std::logic_error when it never can: nothing is left to happen, the
  /// horizon is reached, or time stands still.
  void wait(detail::Gate& gate) override;
  void open(detail::Gate& gate) override { detail::GateAccess::set(gate); }
  [[nodiscard]] bool on_loop() const noexcept override { return on_loop_; }

  /// The next event. False: nothing is left to happen.
  bool step();
  /// Everything up to this time, which it then is.
  void run_until(TimePoint when);
  void run_for(std::chrono::nanoseconds duration) { run_until(now_ + duration); }
  /// Until nothing is left to happen. Throws at the horizon.
  void run_until_idle();

  /// The loop ends: what is posted from now on is refused.
  void end() noexcept { ended_ = true; }

  [[nodiscard]] std::size_t timers() const noexcept { return timers_; }
  [[nodiscard]] std::size_t exchanges() const noexcept { return exchanges_; }  ///< under way
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }  ///< sent off so far
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  friend class SimExchange;

  /// An exchange under way: what it does when its time comes.
  enum class Phase : std::uint8_t { connect, arrive, head, body, end };
  struct Transfer {
    detail::ExchangeListener* listener = nullptr;  // nullptr: given up on while it was on its way
    HttpRequest request{};
    SimTravel travel{};
    SimAnswer answer{};
    std::size_t next_piece = 0;
    Phase phase = Phase::connect;
    bool paused = false;
    bool due = false;  // its time came while it was paused
  };

  /// One thing that will happen, a timer or an exchange's next step. Lives in a slot; the heap holds slots' numbers.
  struct Slot {
    detail::Task task{};
    std::unique_ptr<Transfer> transfer{};
    std::uint32_t generation = 0;
    std::uint32_t heap_index = kNowhere;
    bool used = false;
  };
  struct Entry {
    TimePoint when;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const Entry& other) const noexcept {
      return when != other.when ? when < other.when : order < other.order;
    }
  };
  struct Posted {
    TimePoint when;
    std::uint64_t order;
    detail::Task task;
  };
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  void require_loop(const char* what) const;
  [[nodiscard]] std::uint32_t take_slot();
  void free_slot(std::uint32_t slot);
  [[nodiscard]] bool is(std::uint32_t slot, std::uint32_t generation) const noexcept;
  void schedule(std::uint32_t slot, TimePoint when);
  void unschedule(std::uint32_t slot);
  void place(std::size_t index, Entry entry);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  [[nodiscard]] std::optional<TimePoint> next_time() const;
  void move_to(TimePoint when);
  void abandon(std::uint32_t slot);
  void run_transfer(std::uint32_t slot);
  void deliver(std::uint32_t slot, Transfer& transfer);
  void check_horizon() const;

  SimNetwork& network_;
  Options options_;
  TimePoint now_;
  std::uint64_t random_state_;
  std::uint64_t order_ = 0;
  std::vector<Slot> slots_{};
  std::vector<std::uint32_t> free_{};
  std::vector<Entry> heap_{};
  std::deque<Posted> posted_{};
  std::vector<std::unique_ptr<Transfer>> spare_transfers_{};
  std::size_t timers_ = 0;
  std::size_t exchanges_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_at_this_time_ = 0;
  bool on_loop_ = false;
  bool ended_ = false;
};

}  // namespace keywheel::testing
