#include "sim/providers.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace keywheel::sim {
namespace {

constexpr std::size_t kLate = 6;  // answers
constexpr std::int64_t kOthersTokens = 400;
constexpr Nanos kDay = std::chrono::hours(24);

/// Amount by which a call that has used `completion` tokens is charged, by what a limit counts.
std::int64_t whole(Measure measure, const CallSpec& call, std::int64_t completion) {
  switch (measure) {
    case Measure::requests:
      return 1;
    case Measure::input:
      return call.prompt;
    case Measure::output:
      return completion;
    case Measure::tokens:
      break;
  }
  return call.prompt + completion;
}

std::uint64_t id_of(Label label) noexcept { return (std::uint64_t{label.call} << 32U) | label.key; }

}  // namespace

Providers::Providers(const World& world, Audit& audit, Tally& tally, TimePoint start, WallTime wall_start)
    : world_(world),
      audit_(audit),
      tally_(tally),
      start_(start),
      wall_start_(wall_start),
      dice_(Dice(world.seed).fork(2)) {
  const std::size_t models = world.scenario->load.models.size();
  for (std::size_t a = 0; a < world.accounts.size() * models; ++a) {
    const Account& account = world.accounts[a / models];
    const KeyGroup& group = world.scenario->services[account.service].groups[account.group];
    State state;
    Dice dice = Dice(world.seed).fork(1000 + a);
    for (const Truth& truth : group.truth) {
      // Days turn at midnight UTC; where other windows begin is nobody's business.
      const bool day = truth.window >= kDay;
      const Nanos phase = day ? wall_start.time_since_epoch() - start.time_since_epoch()
                              : seconds_of(dice.unit() * std::chrono::duration<double>(truth.window).count());
      state.limits.emplace_back(truth, phase);
      Others others{.dice = dice.fork(state.limits.size())};
      if (group.burn > 0) {
        others.amount = truth.measure == Measure::requests ? 1 : std::min(kOthersTokens, truth.limit / 10);
        others.every = std::chrono::duration<double>(truth.window).count() * static_cast<double>(others.amount) /
                       (group.burn * static_cast<double>(truth.limit));
        others.next = start + seconds_of(others.dice.exponential(others.every));
      }
      state.others.push_back(others);
    }
    states_.push_back(std::move(state));
  }
}

Providers::State& Providers::state_of(Label label) {
  const Key& key = world_.keys[label.key];
  const std::size_t models = world_.scenario->load.models.size();
  return states_[key.account * models + (world_.group(key).by_model ? world_.calls[label.call].model : 0)];
}

const Outage* Providers::outage(std::uint32_t service, TimePoint now) const {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(now - start_).count();
  for (const Outage& each : world_.scenario->services[service].outages) {
    if (hours >= each.from && hours < each.from + each.hours) return &each;
  }
  return nullptr;
}

testing::SimTravel Providers::travel(const HttpRequest& request, TimePoint now) {
  const Label label = label_of(request);
  audit_.lent(label, now);
  const Wire& wire = world_.scenario->wire;
  testing::SimTravel travel;
  travel.connect = Nanos(dice_.between(0, wire.connect.count()));
  travel.uplink = Nanos(dice_.between(0, wire.uplink.count()));
  const Outage* out = outage(world_.keys[label.key].service, now);
  if (out != nullptr && out->status == 0 && dice_.chance(out->part)) {
    ++tally_.faults;
    travel.failed = {.kind = detail::ExchangeEnd::Kind::unreachable, .message = "connection refused"};
  }
  return travel;
}

void Providers::sent(const HttpRequest& request, TimePoint now) {
  const Label label = label_of(request);
  audit_.sent(label, now);
  running_[id_of(label)] = {};
  ++tally_.sent;
  ++tally_.at(now).sent;
  tally_.waits.push_back(std::chrono::duration<float>(now - world_.calls[label.call].started).count());
}

void Providers::let_others_in(State& state, TimePoint now) {
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    Others& others = state.others[i];
    while (others.every > 0 && others.next <= now) {
      if (state.limits[i].admits(others.amount, others.next)) state.limits[i].charge(others.amount, others.next);
      others.next += seconds_of(others.dice.exponential(others.every));
    }
  }
}

// What must have room when a request comes.
std::optional<Nanos> Providers::obstacle(State& state, const ServiceSpec& service, const KeyGroup& group,
                                         const CallSpec& call, TimePoint now, bool& day) {
  std::optional<Nanos> longest;
  if (group.concurrency > 0 && state.in_flight >= group.concurrency) longest = std::chrono::seconds(1);
  for (TrueLimit& limit : state.limits) {
    const std::int64_t amount = whole(limit.truth().measure, call, service.ahead ? call.max_tokens : 0);
    if (limit.admits(amount, now)) continue;
    longest = std::max(longest.value_or(Nanos(0)), limit.until_room(amount, now));
    day = day || limit.truth().window >= kDay;
  }
  return longest;
}

testing::SimAnswer Providers::answer(const HttpRequest& request, TimePoint arrival) {
  const Label label = label_of(request);
  audit_.arrived(label, arrival);
  const Key& key = world_.keys[label.key];
  const ServiceSpec& service = world_.service(key);
  const CallSpec& call = world_.calls[label.call];
  State& state = state_of(label);
  let_others_in(state, arrival);
  if (const Outage* out = outage(key.service, arrival); out != nullptr && out->status != 0 && dice_.chance(out->part)) {
    ++tally_.faults;
    return refuse(label, out->status == 529 ? Refusal::full : Refusal::broken, out->status, {}, arrival);
  }
  if (key.dead) return refuse(label, Refusal::dead, 401, {}, arrival);
  bool day = false;
  if (const auto room = obstacle(state, service, world_.group(key), call, arrival, day)) {
    if (service.counts_refused) {
      for (TrueLimit& limit : state.limits) {
        if (limit.truth().measure == Measure::requests) limit.charge(1, arrival);
      }
    }
    return refuse(label, day ? Refusal::day : Refusal::rate, 429, room, arrival);
  }

  for (TrueLimit& limit : state.limits) {
    limit.charge(whole(limit.truth().measure, call, service.ahead ? call.max_tokens : 0), arrival);
  }
  const Wire& wire = world_.scenario->wire;
  double latency = dice_.lognormal(std::chrono::duration<double>(wire.latency).count(), wire.spread);
  if (dice_.chance(wire.tail)) latency *= 10;
  const Nanos whole_time = seconds_of(latency);
  const Nanos to_head = call.stream ? whole_time / 4 : whole_time;
  if (arrive(label, Running::Phase::answered, arrival, whole_time)) ++state.in_flight;
  ++tally_.served;
  tally_.tokens += call.prompt + (service.ahead ? call.max_tokens : 0);
  testing::SimAnswer answer = sim::answer(service.vendor, call, whole_time - to_head);
  answer.head_delay = to_head;
  for (HttpHeader& header : headers(label, state, false, arrival)) answer.head->headers.push_back(std::move(header));
  if (answer.end.kind != detail::ExchangeEnd::Kind::complete) ++tally_.faults;
  return answer;
}

bool Providers::arrive(Label label, Running::Phase then, TimePoint now, Nanos takes) {
  const auto found = running_.find(id_of(label));
  if (found->second.phase == Running::Phase::abandoned) {
    running_.erase(found);
    return false;
  }
  found->second = {.phase = then, .arrived = now, .ends = now + takes};
  return true;
}

// A call is charged for what was generated until its end, or until its caller was gone.
void Providers::closed(const HttpRequest& request, TimePoint now) {
  const Label label = label_of(request);
  audit_.closed(label, now);
  const auto found = running_.find(id_of(label));
  if (found->second.phase == Running::Phase::travelling) {
    found->second.phase = Running::Phase::abandoned;
    return;
  }
  const Running running = found->second;
  running_.erase(found);
  if (running.phase != Running::Phase::answered) return;
  const Key& key = world_.keys[label.key];
  const ServiceSpec& service = world_.service(key);
  const CallSpec& call = world_.calls[label.call];
  State& state = state_of(label);
  --state.in_flight;
  const double part = running.ends <= now ? 1
                                          : std::chrono::duration<double>(now - running.arrived) /
                                                std::chrono::duration<double>(running.ends - running.arrived);
  const auto generated = static_cast<std::int64_t>(std::ceil(part * static_cast<double>(call.completion)));
  if (!service.ahead) {
    tally_.tokens += generated;
    for (TrueLimit& limit : state.limits) {
      const Measure measure = limit.truth().measure;
      if (measure == Measure::tokens || measure == Measure::output) limit.charge(generated, now);
    }
  }
  if (service.price) {
    const double cost = (static_cast<double>(call.prompt) * service.price->input +
                         static_cast<double>(generated) * service.price->output) /
                            1e6 +
                        service.price->request;
    tally_.cost += cost;
    audit_.billed(label, cost, now);
  }
}

std::vector<HttpHeader> Providers::headers(Label label, State& state, bool refused, TimePoint now) {
  const Key& key = world_.keys[label.key];
  const ServiceSpec& service = world_.service(key);
  std::vector<HttpHeader> organization;
  if (service.names_organization) {
    const bool anthropic = service.vendor == Vendor::anthropic;
    const std::string account = std::to_string(key.account);
    organization.push_back({anthropic ? "anthropic-organization-id" : "openai-organization", "org-" + account});
    if (!anthropic) organization.push_back({"openai-project", "proj-" + account});
  }
  if (service.headers == Headers::none) return organization;
  if (service.headers == Headers::partial && (refused || world_.calls[label.call].stream)) return organization;
  std::vector<Standing> standings;
  for (TrueLimit& limit : state.limits) {
    standings.push_back({.measure = limit.truth().measure,
                         .limit = limit.truth().limit,
                         .remaining = limit.remaining(now),
                         .reset = limit.until_full(now)});
  }
  if (service.headers == Headers::late) {
    state.said.push_back(standings);
    if (state.said.size() > kLate) state.said.pop_front();
    standings = state.said.front();
  }
  if (service.headers == Headers::wrong) {
    for (Standing& each : standings) {
      const bool more = key.account % 2 == 1;
      each.limit = more ? each.limit * 3 : each.limit;
      each.remaining = more ? each.limit : each.remaining / 10;
    }
  }
  std::vector<HttpHeader> all = quota_headers(service.vendor, standings, wall(now));
  all.insert(all.end(), organization.begin(), organization.end());
  return all;
}

testing::SimAnswer Providers::refuse(Label label, Refusal why, int status, std::optional<Nanos> room, TimePoint now) {
  const Key& key = world_.keys[label.key];
  const ServiceSpec& service = world_.service(key);
  (void)arrive(label, Running::Phase::refused, now);
  const std::optional<Nanos> retry_after = service.states_retry ? room : std::nullopt;
  testing::SimAnswer answer = refusal(service.vendor, why, status, retry_after);
  answer.head_delay = Nanos(dice_.between(10'000'000, 90'000'000));
  for (HttpHeader& header : headers(label, state_of(label), true, now)) {
    answer.head->headers.push_back(std::move(header));
  }
  if (status == 429) {
    ++tally_.refused;
    ++tally_.at(now).refused;
  }
  audit_.refused(label, status, retry_after, now + answer.head_delay);
  return answer;
}

}  // namespace keywheel::sim
