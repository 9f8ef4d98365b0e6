#include "pool/ticket_book.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Nanos kLongestLapse = std::chrono::seconds(2);
constexpr Nanos kLongestHorizon = std::chrono::seconds(5);
constexpr Nanos kLongestSilence = std::chrono::seconds(2);

Ticket* find(std::deque<Ticket>& tickets, std::uint64_t id) noexcept {
  const auto by_id = [](const Ticket& ticket, std::uint64_t wanted) { return ticket.id < wanted; };
  const auto found = std::lower_bound(tickets.begin(), tickets.end(), id, by_id);
  return found != tickets.end() && found->id == id ? &*found : nullptr;
}

}  // namespace

void TicketBook::configure(Nanos window, bool sizes) noexcept {
  window_ = window;
  sizes_ = sizes;
}

Nanos TicketBook::lapse() const noexcept { return std::min(window_ / 4, kLongestLapse); }
Nanos TicketBook::horizon() const noexcept { return std::min(window_ / 2, kLongestHorizon); }

std::int64_t TicketBook::room(TimePoint now) const noexcept {
  std::int64_t sum = 0;
  for (const Ticket& each : tickets_) {
    if (each.from > now) break;
    if (each.until >= now) sum += each.left();
  }
  return sum;
}

TimePoint TicketBook::ready(std::int64_t amount, TimePoint now) const noexcept {
  // Those that have lapsed by the time the last one begins do not count: they end in the order in which they begin.
  std::int64_t sum = 0;
  auto first = tickets_.begin();
  for (const Ticket& each : tickets_) {
    if (each.until < now) continue;
    const TimePoint at = std::max(each.from, now);
    sum += each.left();
    for (; first->until < at; ++first) sum -= first->until < now ? 0 : first->left();
    if (sum >= amount) return at;
  }
  return next_ > now ? next_ : kNever;
}

void TicketBook::lack(std::int64_t amount, TimePoint now) noexcept {
  lacking_ = std::max(lacking_, amount);
  if (in_hand(now) < amount) hungry_ = true;
}

void TicketBook::reserve(std::int64_t amount, TimePoint now) noexcept {
  for (Ticket& each : tickets_) {
    if (amount == 0 || each.from > now) break;
    if (each.until < now) continue;
    const std::int64_t taken = std::min(amount, std::max<std::int64_t>(each.left(), 0));
    each.lent += taken;
    amount -= taken;
  }
  lacking_ = 0;
  // So that the next ones are there when these are used up.
  const double soon = rate_ * std::chrono::duration<double>(horizon()).count() / 2;
  if (static_cast<double>(in_hand(now)) < soon) hungry_ = true;
}

bool TicketBook::holds(std::int64_t amount, TimePoint at) const noexcept {
  std::int64_t sum = 0;
  for (const Ticket& each : tickets_) {
    if (each.until >= at) sum += each.lent;
  }
  return sum >= amount;
}

void TicketBook::touch(TimePoint at) noexcept { touched_ = std::min(touched_, at); }

void TicketBook::use(Ticket& ticket, std::int64_t amount, TimePoint at) {
  ticket.lent -= amount;
  ticket.sent += amount;
  ticket.last_sent = std::max(ticket.last_sent, at);
  if (sizes_) sent_.push_back({.at = at, .ticket = ticket.id, .amount = amount});
  touch(at);
}

void TicketBook::send(std::int64_t amount, TimePoint at) {
  if (counted_ == 0 && counted_from_ == TimePoint{}) counted_from_ = at;
  counted_ += amount;
  for (const bool lapsed : {false, true}) {
    for (Ticket& each : tickets_) {
      if (amount == 0) return;
      if (each.lent == 0 || (each.until < at) != lapsed) continue;
      const std::int64_t taken = std::min(amount, each.lent);
      use(each, taken, at);
      amount -= taken;
    }
  }
  if (amount == 0) return;
  // The store must know, though it has granted nothing.
  uses_.push_back({.id = 0, .at = at, .amount = amount});
  touch(at);
}

void TicketBook::give_back(std::int64_t amount) noexcept {
  for (auto each = tickets_.rbegin(); each != tickets_.rend() && amount != 0; ++each) {
    const std::int64_t taken = std::min(amount, each->lent);
    each->lent -= taken;
    amount -= taken;
  }
}

void TicketBook::settle(TimePoint sent_at, std::int64_t delta, TimePoint now) {
  auto at = std::lower_bound(sent_.begin(), sent_.end(), sent_at, [](const Sent& s, TimePoint t) { return s.at < t; });
  for (; at != sent_.end() && at->at == sent_at && delta != 0; ++at) {
    const std::int64_t change = std::max(delta, -at->amount);
    at->amount += change;
    delta -= change;
    if (Ticket* open = find(tickets_, at->ticket)) {
      open->sent += change;
      open->amount = std::max(open->amount, open->sent + open->lent);
    } else if (Ticket* closed = find(settled_, at->ticket)) {
      closed->sent += change;
      uses_.push_back({.id = closed->id, .at = closed->last_sent, .amount = closed->sent});
      touch(now);
    }
  }
}

TimePoint TicketBook::due(TimePoint now) const noexcept {
  TimePoint at = kNever;
  if (touched_ != kNever) at = later(touched_, std::min(window_ / 8, kLongestSilence));
  if (hungry_) at = std::min(at, quiet_until_);
  for (const Ticket& each : tickets_) {
    if (each.lent != 0 && each.until >= now) at = std::min(at, each.until - lapse() / 2);
  }
  return at;
}

std::int64_t TicketBook::in_hand(TimePoint now) const noexcept {
  std::int64_t sum = 0;
  for (const Ticket& each : tickets_) {
    if (each.until >= now) sum += each.left();
  }
  return sum;
}

std::int64_t TicketBook::want(std::int64_t waiting, TimePoint now) noexcept {
  // The rate of the last while, half of it from before.
  if (const double seconds = std::chrono::duration<double>(now - counted_from_).count(); seconds > 0.02) {
    const double half = std::exp2(-seconds / (2 * std::chrono::duration<double>(horizon()).count()));
    rate_ = rate_ * half + static_cast<double>(counted_) / seconds * (1 - half);
    counted_ = 0;
    counted_from_ = now;
  }
  if (!hungry_ || now < quiet_until_) return 0;
  const double ahead = rate_ * std::chrono::duration<double>(horizon()).count();
  const std::int64_t size = std::max<std::int64_t>(lacking_, 1);
  const std::int64_t needed = lacking_ == 0 ? 0 : size * std::max<std::int64_t>(waiting, 1);
  const std::int64_t wanted = static_cast<std::int64_t>(std::ceil(ahead)) + needed - in_hand(now);
  if (wanted <= 0) hungry_ = false;
  return std::max<std::int64_t>(0, wanted);
}

void TicketBook::tidy(TimePoint now) {
  while (!sent_.empty() && now - sent_.front().at > window_) sent_.pop_front();
  while (!settled_.empty() && now - settled_.front().last_sent > window_) settled_.pop_front();
}

std::vector<TicketUse> TicketBook::uses(TimePoint now) {
  tidy(now);
  std::vector<TicketUse> result = std::exchange(uses_, {});
  std::deque<Ticket> rest;
  for (Ticket& each : tickets_) {
    const bool over = each.lent == 0 && (each.sent >= each.amount || each.until < now);
    if (!over) {
      rest.push_back(each);
      continue;
    }
    result.push_back({.id = each.id, .at = each.last_sent, .amount = each.sent});
    if (!sizes_ || each.sent == 0) continue;
    const auto place = std::upper_bound(settled_.begin(), settled_.end(), each.id,
                                        [](std::uint64_t id, const Ticket& t) { return id < t.id; });
    settled_.insert(place, each);
  }
  tickets_ = std::move(rest);
  touched_ = kNever;
  return result;
}

void TicketBook::unheard(std::vector<TicketUse> uses) {
  if (uses.empty()) return;
  for (const TicketUse& each : uses) touch(each.at);
  uses.insert(uses.end(), uses_.begin(), uses_.end());
  uses_ = std::move(uses);
}

std::vector<std::uint64_t> TicketBook::renewals(bool saved, TimePoint now, Nanos soon) const {
  std::vector<std::uint64_t> ids;
  if (saved && lacking_ <= in_hand(now)) return ids;
  for (const Ticket& each : tickets_) {
    if (each.until < now || each.until - now > soon) continue;
    if (saved ? each.lent == 0 && each.left() > 0 : each.lent != 0) ids.push_back(each.id);
  }
  return ids;
}

void TicketBook::renewed(std::uint64_t id, TimePoint until) noexcept {
  if (Ticket* ticket = find(tickets_, id)) ticket->until = std::max(ticket->until, until);
}

void TicketBook::hand_in(const std::vector<Ticket>& tickets, std::int64_t wanted, TimePoint next, TimePoint now) {
  std::int64_t sum = 0;
  for (const Ticket& each : tickets) {
    sum += each.amount;
    tickets_.push_back(each);
  }
  if (wanted == 0) return;
  lacking_ = 0;  // who still lacks some will say so
  hungry_ = sum < wanted;
  quiet_until_ = hungry_ ? std::max(later(now, horizon() / 4), next - horizon() / 2) : TimePoint{};
  next_ = hungry_ && next > later(now, horizon()) ? next : TimePoint{};
}

void TicketBook::give_up(TimePoint now) {
  for (Ticket& each : tickets_) each.until = std::min(each.until, now - Nanos(1));
  hungry_ = false;
}

void TicketBook::drop() noexcept {
  tickets_.clear();
  settled_.clear();
  sent_.clear();
  std::erase_if(uses_, [](const TicketUse& each) { return each.id != 0; });
  if (uses_.empty()) touched_ = kNever;
  next_ = {};
  quiet_until_ = {};
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
