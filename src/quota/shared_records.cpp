#include "quota/shared_records.hpp"

#include <algorithm>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

TotalGrant TotalRecord::exchange(const TotalAsk& ask, const StoreMoment& moment) {
  const std::string process(moment.process);
  std::int64_t& held = holdings[process];
  std::int64_t mine = std::max(held, ask.holding);
  std::int64_t known = ask.known;
  if (ask.final) {
    const std::int64_t unused = std::max<std::int64_t>(held - ask.holding, 0);
    sum -= unused;
    known -= unused;
    left += ask.holding;
    holdings.erase(process);
    mine = ask.holding;
  } else {
    held = mine;
  }
  std::int64_t told_apart = left;
  for (const auto& [name, holding] : holdings) told_apart += holding;
  sum = std::max({sum, known, told_apart});
  if (ask.final) return {.holding = mine, .total = sum};
  // Those who know more may not have said so yet.
  const bool complete = moment.unknown_before == 0 || moment.now >= moment.unknown_before + kNoticeLoss;
  if (!complete || ask.want <= 0 || sum >= ask.limit) return {.holding = mine, .total = sum};
  const std::int64_t more = std::min(ask.limit - sum, ask.want);
  sum += more;
  held += more;
  return {.holding = held, .total = sum};
}

PermitGrant PermitRecord::exchange(const PermitAsk& ask, Micros lease, const StoreMoment& moment) {
  std::erase_if(holders, [&](const auto& each) { return each.second.until <= moment.now; });
  const std::string process(moment.process);
  std::int64_t others = 0;
  std::int64_t wanted = ask.want;
  std::int64_t wanting = ask.want > 0 ? 1 : 0;
  for (const auto& [name, holder] : holders) {
    if (name == process) continue;
    others += holder.held;
    wanted += std::max(holder.want, holder.held);
    wanting += holder.want > 0 ? 1 : 0;
  }
  std::int64_t most = ask.want;
  // Where there is not enough for all, who has more than its part takes no more and gives back what it does not use.
  if (wanted > ask.limit && wanting > 0) most = std::min(most, std::max(ask.used, (ask.limit + wanting - 1) / wanting));
  const std::int64_t held = std::max(ask.used, std::min(most, ask.limit - others));
  if (held <= 0 && ask.want <= 0) {
    holders.erase(process);
    return {};
  }
  holders[process] = {.held = std::max<std::int64_t>(held, 0), .want = ask.want, .until = moment.now + lease};
  return {.held = std::max<std::int64_t>(held, 0)};
}

bool outranks(const QuotaMark& next, const QuotaMark& current, std::chrono::milliseconds wall) noexcept {
  if (next.rank == 0 || current.rank == 0) return next.rank != current.rank;
  if (current.until <= wall || next.rank > current.rank) return true;
  if (next.rank < current.rank) return false;
  return next.until > current.until;
}

bool Epoch::check(const QuotaRequest& request, Micros now, std::string_view fresh) {
  const bool lost = id.empty() && !request.epoch.empty();
  const bool jumped = request.clock_jumped && request.epoch == id;
  if (!id.empty() && !jumped) return false;
  id = fresh;
  if (lost || jumped) unknown_before = now;
  return true;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
