#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <keywheel/quota.hpp>

#include "pool/rest.hpp"
#include "pool/shared_gauge.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class PoolState;
struct Credential;
class Ledger;
struct Level;
struct Refusal;

/// The side of the pool that looks to the other processes: which of its limits are shared under which names, and what
/// rests of its keys the others should know. Pure, as the pool is; guarded by the pool's mutex.
class PoolSharing {
 public:
  struct Window {
    Level* level = nullptr;
    std::shared_ptr<SharedGauge> gauge{};
  };
  struct Permits {
    Level* level = nullptr;
    const int* in_flight = nullptr;
    std::shared_ptr<SharedPermits> permits{};
  };

  /// Names everything anew after a build, and gives each limit its place for tickets.
  void attach(PoolState& pool);
  [[nodiscard]] std::vector<Window>& gauges() noexcept { return gauges_; }
  [[nodiscard]] std::vector<Permits>& permits() noexcept { return permits_; }

  /// Until the store has answered once, nobody is lent anything: what it knows of dead keys counts. True where calls
  /// may go on that could not before.
  bool open_up(PoolState& pool);
  /// Empty: calls go on. Else why they fail at once.
  void refuse(PoolState& pool, std::string why);
  [[nodiscard]] const std::string& objection() const noexcept { return objection_; }
  [[nodiscard]] bool open(Credential& first, Refusal& refusal) const noexcept;

  /// Something at this level has room that had none.
  static void wake(PoolState& pool, Level& level);

  /// Rests that changed since the last time; all of them, where `anew`.
  [[nodiscard]] std::vector<QuotaMark> news(PoolState& pool, bool anew);
  /// The store did not hear of these.
  void unheard(const std::vector<QuotaMark>& marks);
  /// What others found. True where that may have made room.
  bool learn(PoolState& pool, const std::vector<QuotaMark>& marks, TimePoint now);

  /// Something may rest, or rest no more.
  void rests_changed() {
    rests_changed_ = true;
    bell_->ring();
  }
  [[nodiscard]] bool has_news() const noexcept { return rests_changed_; }
  [[nodiscard]] Bell& bell() noexcept { return *bell_; }
  /// There was a build since the last time: marks that concerned nobody may now.
  [[nodiscard]] bool built() noexcept { return std::exchange(built_, false); }

 private:
  struct Told {
    Rest::Kind kind = Rest::Kind::none;
    TimePoint until{};
    friend bool operator==(const Told&, const Told&) = default;
  };

  void attach(Ledger& ledger, const std::string& name, Level& level, const int& in_flight);

  std::vector<Window> gauges_{};
  std::vector<Permits> permits_{};
  std::unordered_map<std::string, Level*> levels_{};  ///< by name in the store
  std::map<std::string, Told> told_{};                ///< rests as the store knows them
  std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  bool rests_changed_ = false;
  bool built_ = false;
  bool opened_ = false;
  std::string objection_{};
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
