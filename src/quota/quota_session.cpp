#include "quota/quota_session.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "pool/pool_state.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr Nanos kHeartbeat = std::chrono::seconds(1);
constexpr Nanos kReconnect = std::chrono::milliseconds(250);
constexpr std::chrono::milliseconds kLease{10'000};
/// Permits end here so much before the store gives them to others.
constexpr Nanos kLeaseMargin = std::chrono::seconds(1);
/// Requests are at least so far apart.
constexpr Nanos kPace = std::chrono::milliseconds(5);
/// Limits that want more, in one request.
constexpr std::size_t kMostAsks = 64;
/// Tickets of one window: an equal part of the limit on each, where there would be more.
constexpr std::int64_t kMostTickets = 256;

constexpr std::chrono::seconds kKeepDays = std::chrono::hours(72);

}  // namespace

QuotaSession::QuotaSession(std::shared_ptr<CredentialPool> pool, Options options)
    : pool_(std::move(pool)), state_(&PoolAccess::state(*pool_)), options_(std::move(options)) {
  const std::lock_guard lock(state_->mutex);
  state_->sharing = std::make_unique<PoolSharing>();
  sharing_ = state_->sharing.get();
  sharing_->attach(*state_);
}

QuotaSession::~QuotaSession() {
  const std::lock_guard lock(state_->mutex);
  sharing_->bell().answer = nullptr;
}

void QuotaSession::on_news(std::function<void()> listener) {
  const std::lock_guard lock(state_->mutex);
  sharing_->bell().answer = std::move(listener);
}

TimePoint QuotaSession::due(TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  Bell& bell = sharing_->bell();
  bell.rung = false;
  if (!linked_) return next_;
  TimePoint at = next_;
  for (const PoolSharing::Window& each : sharing_->gauges()) at = std::min(at, each.gauge->due(now));
  for (const PoolSharing::Permits& each : sharing_->permits()) {
    if (each.permits->lacking) at = std::min(at, each.permits->quiet_until);
  }
  if (sharing_->has_news()) at = std::min(at, now);
  return std::max(at, quiet_until_);
}

void QuotaSession::ask_windows(QuotaRequest& request, std::size_t waiting, TimePoint now) {
  std::vector<PoolSharing::Window>& all = sharing_->gauges();
  const auto hungry = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& each) {
    return !each.gauge->total && each.gauge->tickets.lacking() != 0 && each.gauge->hungry(now);
  }));
  const std::size_t part = (waiting + hungry) / std::max<std::size_t>(hungry, 1);
  std::size_t asks = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    PoolSharing::Window& window = all[(turn_ + i) % all.size()];
    SharedGauge& gauge = *window.gauge;
    if (gauge.total) continue;
    TicketBook& book = gauge.tickets;
    if (request.leaving) book.give_up(now);
    AskedWindow asked{.window = window};
    const std::int64_t lacking = book.lacking();
    if (linked_ && !request.leaving && asks < kMostAsks) {
      asked.wanted = std::min(book.want(static_cast<std::int64_t>(part), now), gauge.limit);
    }
    WindowAsk ask{.name = gauge.name, .limit = gauge.limit};
    ask.renew = book.renewals(false, now, book.lapse() / 2);
    ask.save = book.renewals(true, now, book.lapse() / 2);
    asked.uses = book.uses(now);
    if (asked.wanted == 0 && ask.renew.empty() && asked.uses.empty()) continue;
    if (asked.wanted != 0 && ++asks == kMostAsks) turn_ = (turn_ + i + 1) % all.size();

    using std::chrono::ceil;
    using std::chrono::floor;
    ask.window = ceil<StoreTime>(book.window());
    ask.lapse = floor<StoreTime>(book.lapse());
    ask.horizon = floor<StoreTime>(book.horizon());
    ask.each = std::max<std::int64_t>(gauge.limit / kMostTickets, 1);
    ask.want = asked.wanted;
    ask.least = lacking > 1 ? std::min(lacking, gauge.limit) : 0;
    ask.held = book.in_hand(now);
    for (const TicketUse& use : asked.uses) {
      const TimePoint at = use.amount == 0 ? now : use.at;
      ask.used.push_back({.id = use.id, .at = clock_.store_time(at, now), .amount = use.amount});
    }
    request.windows.push_back(std::move(ask));
    windows_.push_back(std::move(asked));
  }
}

void QuotaSession::ask_totals(QuotaRequest& request, std::size_t waiting, TimePoint now) {
  for (PoolSharing::Window& window : sharing_->gauges()) {
    SharedGauge& gauge = *window.gauge;
    if (!gauge.total || gauge.period() < 0) continue;
    gauge.processes = processes_;
    AskedTotal asked{.window = window, .period = gauge.period()};
    if (linked_ && !request.leaving && gauge.hungry(now)) {
      asked.wanted = gauge.slice(static_cast<std::int64_t>(waiting));
    }
    const bool say = (announce_ || request.leaving) && gauge.holding() != 0;
    if (asked.wanted == 0 && !say) continue;
    TotalAsk ask{.name = gauge.name, .limit = gauge.limit, .holding = gauge.holding()};
    // Otherwise it would undo what others have given back since.
    if (announce_) ask.known = gauge.known();
    if (!gauge.endless) {
      ask.name += fmt::format("/{}", gauge.period());
      ask.keep = kKeepDays;
    }
    ask.want = asked.wanted;
    if (request.leaving) {
      ask.final = true;
      ask.holding = gauge.used();
    }
    request.totals.push_back(std::move(ask));
    totals_.push_back(std::move(asked));
  }
}

void QuotaSession::ask_permits(QuotaRequest& request, std::size_t waiting, TimePoint now) {
  for (PoolSharing::Permits& each : sharing_->permits()) {
    SharedPermits& permits = *each.permits;
    const int in_flight = request.leaving ? 0 : *each.in_flight;
    const bool hungry = permits.hungry(now);
    if (in_flight == 0 && permits.held == 0 && !hungry) continue;
    PermitAsk ask{.name = permits.name, .limit = permits.limit, .used = in_flight, .want = in_flight};
    // One to spare, so that the next call need not wait for the store.
    if (permits.held > in_flight && in_flight != 0) ask.want += 1;
    if (hungry) ask.want = in_flight + static_cast<std::int64_t>(std::max<std::size_t>(waiting, 1));
    ask.want = request.leaving ? 0 : std::min<std::int64_t>(ask.want, permits.limit);
    // What goes back may be another's before the answer is here.
    permits.held = std::min(permits.held, static_cast<int>(ask.want));
    request.permits.push_back(std::move(ask));
    permits_.push_back(each);
  }
}

QuotaRequest QuotaSession::request(std::size_t waiting, bool leaving, TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  QuotaRequest request{
      .process = options_.process, .epoch = epoch_, .clock_jumped = jumped_, .lease = kLease, .leaving = leaving};
  if (sharing_->built()) seen_marks_ = 0;
  request.seen_marks = seen_marks_;
  windows_.clear();
  totals_.clear();
  permits_.clear();
  // Without an epoch nothing will be granted, and without a sample of the clock no time can be told.
  if (!epoch_.empty() && clock_.known()) {
    ask_windows(request, waiting, now);
    ask_totals(request, waiting, now);
    ask_permits(request, waiting, now);
    request.marks = sharing_->news(*state_, announce_);
    announced_ = std::exchange(announce_, false);
  }
  marks_ = request.marks;
  return request;
}

bool QuotaSession::take_windows(const QuotaReply& reply, TimePoint now) {
  bool changed = false;
  for (std::size_t i = 0; i < windows_.size() && i < reply.windows.size(); ++i) {
    AskedWindow& asked = windows_[i];
    const WindowGrant& grant = reply.windows[i];
    TicketBook& book = asked.window.gauge->tickets;
    const TimePoint when = later(now, book.horizon());
    for (const QuotaTicket& each : grant.renewed) book.renewed(each.id, clock_.earliest(each.until, when));
    std::vector<Ticket> tickets;
    for (const QuotaTicket& each : grant.tickets) {
      tickets.push_back({.id = each.id,
                         .from = clock_.latest(each.from, when),
                         .until = clock_.earliest(each.until, when),
                         .amount = each.amount});
    }
    const TimePoint next = grant.next == StoreTime(0) ? TimePoint{} : clock_.latest(grant.next, when);
    book.hand_in(tickets, asked.wanted, next, now);
    if (asked.wanted == 0) continue;
    sharing_->wake(*state_, *asked.window.level);
    changed = true;
  }
  return changed;
}

bool QuotaSession::take_totals(const QuotaReply& reply, TimePoint now) {
  bool changed = false;
  for (std::size_t i = 0; i < totals_.size() && i < reply.totals.size(); ++i) {
    const AskedTotal& asked = totals_[i];
    const TotalGrant& grant = reply.totals[i];
    (void)asked.window.gauge->grant(asked.period, grant.holding, grant.total, asked.wanted, now);
    if (asked.wanted == 0) continue;
    // Also where there is no more: who waits for it need wait no longer.
    sharing_->wake(*state_, *asked.window.level);
    changed = true;
  }
  return changed;
}

bool QuotaSession::take_permits(const QuotaReply& reply, TimePoint sent, TimePoint now) {
  bool changed = false;
  for (std::size_t i = 0; i < permits_.size() && i < reply.permits.size(); ++i) {
    SharedPermits& permits = *permits_[i].permits;
    const int held = static_cast<int>(std::clamp<std::int64_t>(reply.permits[i].held, 0, permits.limit));
    const bool more = held > permits.held || now >= permits.until;
    permits.held = held;
    permits.until = later(sent, kLease - kLeaseMargin);
    permits.quiet_until = more ? TimePoint{} : later(now, kHeartbeat / 10);
    permits.lacking = false;
    if (!more) continue;
    sharing_->wake(*state_, *permits_[i].level);
    changed = true;
  }
  return changed;
}

void QuotaSession::drop_tickets() {
  for (const PoolSharing::Window& each : sharing_->gauges()) {
    if (!each.gauge->total) each.gauge->tickets.drop();
  }
  for (AskedWindow& asked : windows_) {
    std::erase_if(asked.uses, [](const TicketUse& use) { return use.id != 0; });
    asked.window.gauge->tickets.unheard(std::move(asked.uses));
  }
  windows_.clear();
}

bool QuotaSession::accept(const QuotaReply& reply, TimePoint sent, TimePoint received) {
  const std::lock_guard lock(state_->mutex);
  const TimePoint now = state_->clock(received);
  next_ = later(now, kHeartbeat);
  quiet_until_ = later(now, kPace);
  if (!clock_.sample(sent, received, reply.now)) {
    // The times of all tickets mean something else now, for everybody.
    jumped_ = true;
    drop_tickets();
    next_ = now;
    return false;
  }
  bool changed = !linked_;
  if (!linked_) {
    linked_ = true;
    for (const PoolSharing::Window& each : sharing_->gauges()) each.gauge->keep_no_more();
    for (const PoolSharing::Permits& each : sharing_->permits()) each.permits->alone = false;
    for (const PoolSharing::Window& each : sharing_->gauges()) sharing_->wake(*state_, *each.level);
  }
  if (reply.epoch != epoch_) {
    if (!epoch_.empty()) drop_tickets();
    epoch_ = reply.epoch;
    seen_marks_ = 0;
    announce_ = true;
    jumped_ = false;
    next_ = now;
  } else {
    changed = take_windows(reply, now) || changed;
    changed = take_totals(reply, now) || changed;
    changed = take_permits(reply, sent, now) || changed;
    changed = sharing_->learn(*state_, reply.marks, now) || changed;
    seen_marks_ = reply.seen_marks;
    processes_ = std::max<std::int64_t>(reply.processes, 1);
    reached_ = true;
    changed = sharing_->open_up(*state_) || changed;
  }
  return changed;
}

void QuotaSession::stand_alone(TimePoint now) {
  for (const PoolSharing::Window& each : sharing_->gauges()) {
    if (each.gauge->total) continue;
    // By then all that anybody was granted has left the window.
    const TicketBook& book = each.gauge->tickets;
    const TimePoint from = later(now, book.window() + book.lapse() + book.horizon());
    each.gauge->keep_to(each.gauge->limit / processes_, from);
    sharing_->wake(*state_, *each.level);
  }
  for (const PoolSharing::Permits& each : sharing_->permits()) {
    each.permits->alone = true;
    each.permits->part = static_cast<int>(each.permits->limit / processes_);
    each.permits->alone_from = later(now, kLease);
    sharing_->wake(*state_, *each.level);
  }
}

bool QuotaSession::failed(const Error& error, TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  now = state_->clock(now);
  const bool first = linked_ || next_ == TimePoint{};
  linked_ = false;
  next_ = later(now, kReconnect);
  for (AskedWindow& asked : windows_) asked.window.gauge->tickets.unheard(std::move(asked.uses));
  windows_.clear();
  sharing_->unheard(std::exchange(marks_, {}));
  announce_ = announce_ || std::exchange(announced_, false);
  if (options_.on_loss == StoreLoss::refuse || !reached_) {
    sharing_->refuse(*state_, fmt::format("the quota store ({}) cannot be reached: {}", options_.store, error.message));
    return true;
  }
  if (first) stand_alone(now);
  return first;
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
