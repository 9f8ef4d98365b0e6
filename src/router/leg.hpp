#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/credential_pool.hpp>

#include "pool/waiting_line.hpp"
#include "router/attempt.hpp"
#include "router/response_builder.hpp"
#include "router/seam.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

class CallState;

/// One attempt of a call: its credential, its exchange, and what has come of it so far. A call has one at a time, and
/// two while it hedges. It passes on to its call what happens to it.
class Leg final : public AttemptListener {
 public:
  Leg(CallState& call, std::uint64_t its_number, std::size_t its_stop, Grant its_grant)
      : number(its_number),
        stop(its_stop),
        lease(std::move(its_grant.lease)),
        visit(std::move(its_grant.visit)),
        call_(call) {}

  void on_attempt_sent() override;
  void on_attempt_event(const ChatEvent& event) override;
  void on_attempt_extra(std::string_view name, std::string_view json) override;
  void on_attempt_end(std::optional<Failure> failure) override;

  [[nodiscard]] bool sent() const noexcept { return attempt && attempt->sent(); }

  const std::uint64_t number;  ///< within its call
  const std::size_t stop;      ///< index into the call's stops
  Lease lease;
  ServiceHealth::Visit visit;
  Attempt record{};
  TimePoint begun{};
  std::unique_ptr<UpstreamAttempt> attempt{};
  bool fetching_token = false;
  Secret token{};
  std::string token_body{};
  ResponseBuilder builder{};
  std::vector<std::string> warnings{};
  std::optional<ChatEvent> start{};     ///< held back, with the next one, until something is said
  std::optional<ChatEvent> usage{};     ///< likewise
  std::optional<TimePoint> spoke_at{};  ///< first event that says something
  std::optional<Seam> seam{};           ///< it goes on with a broken stream

 private:
  CallState& call_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
