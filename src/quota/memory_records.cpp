#include "quota/memory_records.hpp"

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

QuotaReply MemoryRecords::exchange(const QuotaRequest& request, Micros now, std::chrono::milliseconds wall) {
  const Micros lease = std::chrono::microseconds(request.lease).count();
  // No two stores, one after the other, may be taken for one.
  if (epoch_.check(request, now, fmt::format("{}.{}", now, ++epochs_))) logs_.clear();
  std::erase_if(processes_, [&](const auto& each) { return each.second <= now; });
  processes_[request.process] = now + lease;
  QuotaReply reply{.epoch = epoch_.id,
                   .now = StoreTime(now),
                   .processes = static_cast<std::int64_t>(processes_.size()),
                   .seen_marks = last_mark_};
  if (request.leaving) processes_.erase(request.process);
  if (reply.epoch != request.epoch) return reply;

  const StoreMoment moment{
      .now = now, .epoch = epoch_.id, .unknown_before = epoch_.unknown_before, .process = request.process};
  for (const WindowAsk& ask : request.windows) reply.windows.push_back(logs_[ask.name].exchange(ask, moment));
  for (const TotalAsk& ask : request.totals) reply.totals.push_back(totals_[ask.name].exchange(ask, moment));
  for (const PermitAsk& ask : request.permits) {
    reply.permits.push_back(permits_[ask.name].exchange(ask, lease, moment));
  }
  for (const QuotaMark& mark : request.marks) {
    Marked& known = marks_[mark.name];
    if (known.number != 0 && !outranks(mark, known.mark, wall)) continue;
    known = {.mark = mark, .number = ++last_mark_};
  }
  for (const auto& [name, each] : marks_) {
    if (each.number > request.seen_marks) reply.marks.push_back(each.mark);
  }
  reply.seen_marks = last_mark_;
  return reply;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
