#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "router/retry_table.hpp"
#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto& failed = PoolFixture::failed;

Outcome rate(std::optional<std::chrono::milliseconds> retry_after = {}, Scope scope = Scope::key) {
  return failed(FailureClass::rate, scope, retry_after, 429);
}
Outcome quota(std::optional<std::chrono::milliseconds> retry_after = {}, Scope scope = Scope::key) {
  return failed(FailureClass::quota, scope, retry_after, 429);
}
Outcome auth(Scope scope = Scope::key) { return failed(FailureClass::auth, scope, {}, 401); }

/// The id of who is lent next is `id`, and fares so.
void fares(PoolFixture& f, const std::string& id, const Outcome& outcome, Demand demand = {}) {
  std::vector<std::string> others;
  for (const ServiceConfig& service : f.services) {
    for (const CredentialConfig& c : service.credentials) {
      if (c.id != id) others.push_back(c.id);
    }
  }
  demand.exclude = &others;
  REQUIRE(f.call(demand, outcome) == id);
}

}  // namespace

TEST_CASE("a rate limit rests the key as long as the provider says", "[pool][outcome]") {
  PoolFixture f(2);
  fares(f, "s#1", rate(7s));
  CHECK(f.state("s#1") == CredentialState::cooling_down);
  CHECK(f.status("s#1").available_in == 7s);
  CHECK(f.status("s#1").reason == "as the provider says");
  CHECK(f.calls(3) == "222");
  f.now += 7s;
  CHECK(f.state("s#1") == CredentialState::active);
  CHECK(f.calls(2) == "12");
}

TEST_CASE("a rest that nobody stated doubles each time, is capped, and a success ends it", "[pool][outcome]") {
  PoolFixture f(1);
  f.retry.cooldown = 5s;
  f.retry.max_cooldown = 60s;
  for (const auto expected : {5s, 10s, 20s, 40s, 60s, 60s}) {
    fares(f, "s#1", rate());
    CHECK(f.refusal().at == f.now + expected);
    f.now += expected;
  }
  fares(f, "s#1", Outcome::success());
  fares(f, "s#1", rate());
  CHECK(f.refusal().at == f.now + 5s);
}

TEST_CASE("a rest is never shortened", "[pool][outcome]") {
  PoolFixture f(1);
  Lease a = f.lend();
  Lease b = f.lend();
  Lease c = f.lend();
  f.pool().report(std::move(a), rate(60s), f.now);
  f.now += 1s;
  f.pool().report(std::move(b), rate(5s), f.now);
  CHECK(f.refusal().at == f.now + 59s);
  f.pool().report(std::move(c), rate(90s), f.now);
  CHECK(f.refusal().at == f.now + 90s);
}

TEST_CASE("failures of one burst count once, and a late success does not undo a newer rest", "[pool][outcome]") {
  PoolFixture f(1);
  std::vector<Lease> burst;
  for (int i = 0; i < 10; ++i) burst.push_back(f.lend());
  for (int i = 0; i < 9; ++i) f.pool().report(std::move(burst[static_cast<std::size_t>(i)]), rate(), f.now);
  CHECK(f.refusal().at == f.now + 5s);
  f.pool().report(std::move(burst[9]), Outcome::success(), f.now);
  CHECK(f.refusal().at == f.now + 5s);
}

TEST_CASE("a stated rest of hours is probed once an hour, by one attempt at a time", "[pool][outcome]") {
  PoolFixture f(1);
  fares(f, "s#1", rate(5h));
  CHECK(f.refusal().at == f.now + 1h);
  f.now += 1h;
  Lease probe = f.lend();
  REQUIRE(probe);
  CHECK(f.state("s#1") == CredentialState::probing);
  CHECK_FALSE(f.room());
  SECTION("which fails") {
    f.pool().report(std::move(probe), rate(4h), f.now);
    CHECK(f.refusal().at == f.now + 1h);
  }
  SECTION("which succeeds") {
    f.pool().report(std::move(probe), Outcome::success(), f.now);
    CHECK(f.calls(2) == "11");
  }
  SECTION("which is cancelled, and another may probe") {
    probe = Lease{};
    CHECK(f.state("s#1") == CredentialState::cooling_down);
    CHECK(f.room());
  }
  SECTION("which says nothing of the limit") {
    f.pool().report(std::move(probe), failed(FailureClass::server, Scope::service, {}, 500), f.now);
    CHECK(f.refusal().at == f.now + 5s);
  }
}

TEST_CASE("a used-up quota rests until the day turns, probed once an hour", "[pool][outcome]") {
  using std::chrono::sys_days;
  PoolFixture f(2);
  f.pool().align(f.now, sys_days(2026y / 11 / 23) + 21h + 30min);
  fares(f, "s#1", quota());
  CHECK(f.state("s#1") == CredentialState::exhausted);
  CHECK(f.calls(2) == "22");
  CHECK(f.status("s#1").available_in == 1h);
  f.now += 1h;
  fares(f, "s#1", quota());
  CHECK(f.status("s#1").available_in == 1h);
  f.now += 1h;
  fares(f, "s#1", quota());
  CHECK(f.status("s#1").available_in == 30min);
  f.now += 30min;
  // Whether the quota was a day's is a guess: one finds out.
  Lease probe = f.lend({.rotation = Rotation::first});
  CHECK(probe.id() == "s#1");
  CHECK(f.lend({.rotation = Rotation::first}).id() == "s#2");
  f.pool().report(std::move(probe), Outcome::success(), f.now);
  CHECK(f.state("s#1") == CredentialState::active);
}

TEST_CASE("a short time stated beside a day's quota is believed once", "[pool][outcome]") {
  using std::chrono::sys_days;
  PoolFixture f(1);
  f.pool().align(f.now, sys_days(2026y / 11 / 23) + 12h);
  fares(f, "s#1", quota(36s));
  CHECK(f.refusal().at == f.now + 36s);
  f.now += 36s;
  Lease probe = f.lend();
  CHECK_FALSE(f.room());
  f.pool().report(std::move(probe), quota(36s), f.now);
  CHECK(f.refusal().at == f.now + 1h);
  CHECK(f.refusal().kind == ErrorKind::quota_exhausted);
}

TEST_CASE("a quota with a stated end of hours is probed meanwhile and free at the end", "[pool][outcome]") {
  PoolFixture f(1);
  fares(f, "s#1", quota(90min));
  f.now += 1h;
  fares(f, "s#1", quota(30min));
  CHECK(f.refusal().at == f.now + 30min);
}

TEST_CASE("an exhaustion reaches its own level and no higher", "[pool][outcome]") {
  PoolFixture f(4);
  for (std::size_t i = 0; i < 3; ++i) f.key(i).account = "acme";
  f.key(0).project = f.key(1).project = "one";
  f.key(2).project = "two";
  SECTION("key") {
    fares(f, "s#1", quota({}, Scope::key));
    CHECK(f.state("s#2") == CredentialState::active);
  }
  SECTION("project") {
    fares(f, "s#1", quota({}, Scope::project));
    CHECK(f.state("s#2") == CredentialState::exhausted);
    CHECK(f.state("s#3") == CredentialState::active);
  }
  SECTION("account") {
    fares(f, "s#1", quota({}, Scope::account));
    CHECK(f.state("s#3") == CredentialState::exhausted);
    CHECK(f.state("s#4") == CredentialState::active);
    CHECK(f.calls(2) == "44");
  }
  SECTION("account and model") {
    fares(f, "s#1", quota({}, Scope::account_model));
    CHECK(f.calls(2) == "44");
    CHECK(f.call({.model = "other"}) != "s#4");
  }
  SECTION("an account that is not named is the key") {
    fares(f, "s#4", quota({}, Scope::account));
    CHECK(f.state("s#1") == CredentialState::active);
    CHECK(f.state("s#4") == CredentialState::exhausted);
  }
  SECTION("a service or a host is not the pool's") {
    fares(f, "s#1", rate(60s, Scope::host));
    fares(f, "s#1", rate(60s, Scope::service));
    fares(f, "s#1", rate(60s, Scope::service_model));
    CHECK(f.state("s#1") == CredentialState::active);
  }
}

TEST_CASE("a dead key is disabled and probed after a long rest", "[pool][outcome]") {
  PoolFixture f(2);
  CHECK(f.pool().report(f.lend({.rotation = Rotation::first}), auth(), f.now).failure == FailureClass::auth);
  CHECK(f.state("s#1") == CredentialState::disabled);
  CHECK(f.calls(3) == "222");
  f.now += 1h;
  Lease probe = f.lend({.rotation = Rotation::first});
  CHECK(probe.id() == "s#1");
  CHECK(f.lend({.rotation = Rotation::first}).id() == "s#2");
  SECTION("still dead: it rests longer") {
    f.pool().report(std::move(probe), auth(), f.now);
    CHECK(f.status("s#1").available_in == 2h);
  }
  SECTION("alive") {
    f.pool().report(std::move(probe), Outcome::success(), f.now);
    CHECK(f.state("s#1") == CredentialState::active);
  }
}

TEST_CASE("the same verdict on three accounts at once is the endpoint's, and disables nobody", "[pool][outcome]") {
  PoolFixture f(4);
  const auto report = [&](const std::string& id) {
    std::vector<std::string> others;
    for (const auto& c : f.services[0].credentials) {
      if (c.id != id) others.push_back(c.id);
    }
    return f.pool().report(f.lend({.exclude = &others}), auth(), f.now).failure;
  };
  SECTION("within ten seconds") {
    CHECK(report("s#1") == FailureClass::auth);
    f.now += 5s;
    CHECK(report("s#2") == FailureClass::auth);
    CHECK(f.state("s#1") == CredentialState::disabled);
    f.now += 5s;
    CHECK(report("s#3") == FailureClass::config);
    for (const char* id : {"s#1", "s#2", "s#3"}) CHECK(f.state(id) == CredentialState::active);
    CHECK(report("s#4") == FailureClass::config);
    CHECK(f.state("s#4") == CredentialState::active);
  }
  SECTION("not when it takes longer") {
    CHECK(report("s#1") == FailureClass::auth);
    f.now += 6s;
    CHECK(report("s#2") == FailureClass::auth);
    f.now += 6s;
    CHECK(report("s#3") == FailureClass::auth);
    CHECK(f.state("s#1") == CredentialState::disabled);
  }
  SECTION("not when another key gets through meanwhile") {
    CHECK(report("s#1") == FailureClass::auth);
    CHECK(report("s#2") == FailureClass::auth);
    fares(f, "s#4", Outcome::success());
    CHECK(report("s#3") == FailureClass::auth);
    CHECK(f.state("s#2") == CredentialState::disabled);
  }
}

TEST_CASE("three keys of one account say no more than one", "[pool][outcome]") {
  PoolFixture f(4);
  for (std::size_t i = 0; i < 3; ++i) f.key(i).account = "acme";
  for (const char* id : {"s#1", "s#2", "s#3"}) fares(f, id, auth());
  for (const char* id : {"s#1", "s#2", "s#3"}) CHECK(f.state(id) == CredentialState::disabled);
}

TEST_CASE("a model that a key may not use is set aside for that key only", "[pool][outcome]") {
  PoolFixture f(2);
  const auto what = GENERATE(FailureClass::permission, FailureClass::model);
  fares(f, "s#1", failed(what, Scope::key_model, {}, 403));
  CHECK(f.state("s#1") == CredentialState::active);
  CHECK(f.calls(3) == "222");
  CHECK(f.call({.model = "other", .rotation = Rotation::first}) == "s#1");
  f.now += f.retry.max_cooldown;
  CHECK(f.call({.rotation = Rotation::first}) == "s#1");
  SECTION("on every key: nothing to wait for soon") {
    fares(f, "s#1", failed(what, Scope::key_model, {}, 403));
    fares(f, "s#2", failed(what, Scope::key_model, {}, 403));
    CHECK(f.refusal().kind == ErrorKind::permission);
  }
}

TEST_CASE("whoever is not to blame is not blamed", "[pool][outcome]") {
  PoolFixture f(1);
  const auto what = GENERATE(FailureClass::capacity, FailureClass::token, FailureClass::clock, FailureClass::place,
                             FailureClass::server, FailureClass::connection, FailureClass::connect_timeout,
                             FailureClass::timeout, FailureClass::request, FailureClass::context, FailureClass::filter,
                             FailureClass::too_big, FailureClass::output, FailureClass::unknown,
                             FailureClass::unsupported, FailureClass::config, FailureClass::cancelled);
  for (const Scope scope : {Scope::call, Scope::key, Scope::account}) {
    for (int i = 0; i < 5; ++i) fares(f, "s#1", failed(what, scope, 60s, 500));
  }
  CHECK(f.state("s#1") == CredentialState::active);
  CHECK(f.status("s#1").available_in == 0ms);
}

TEST_CASE("three keys in a row that meet their limit share it", "[pool][outcome]") {
  PoolFixture f(5);
  SECTION("where nobody knows whose they are") {
    for (const char* id : {"s#1", "s#2", "s#3"}) fares(f, id, rate(20s));
    CHECK(f.state("s#4") == CredentialState::cooling_down);
    CHECK(f.refusal().at == f.now + 20s);
  }
  SECTION("not where they are of different accounts") {
    for (std::size_t i = 0; i < 5; ++i) f.key(i).account = "account " + std::to_string(i);
    for (const char* id : {"s#1", "s#2", "s#3"}) fares(f, id, rate(20s));
    CHECK(f.calls(2) == "45");
  }
  SECTION("not where one of them gets through in between") {
    fares(f, "s#1", rate(20s));
    fares(f, "s#2", rate(20s));
    fares(f, "s#5", Outcome::success());
    fares(f, "s#3", rate(20s));
    CHECK(f.room());
  }
  SECTION("not where the first has rested already") {
    fares(f, "s#1", rate(2s));
    fares(f, "s#2", rate(20s));
    f.now += 3s;
    fares(f, "s#3", rate(20s));
    CHECK(f.room());
  }
}

TEST_CASE("clear ends every kind of rest, disable none but by clear", "[pool][outcome]") {
  PoolFixture f(1);
  int changes = 0;
  f.pool().on_change([&] { ++changes; });
  for (const Outcome& outcome :
       {rate(5h), quota(), auth(), failed(FailureClass::permission, Scope::key_model, {}, 403)}) {
    fares(f, "s#1", outcome);
    CHECK_FALSE(f.room());
    changes = 0;
    CHECK(f.pool().clear("s#1", f.now));
    CHECK(changes == 1);
    CHECK(f.room());
  }
  CHECK(f.pool().disable("s#1", "maintenance", f.now));
  CHECK(f.status("s#1").reason == "maintenance");
  f.now += 24h * 365;
  CHECK_FALSE(f.room());
  CHECK(f.refusal().kind == ErrorKind::authentication);
  CHECK_FALSE(f.refusal().at);
  CHECK(f.pool().clear("s#1", f.now));
  CHECK(f.room());
  CHECK_FALSE(f.pool().clear("nobody", f.now));
  CHECK_FALSE(f.pool().disable("nobody", "", f.now));
}

TEST_CASE("why there is none is told for each, and in the caller's terms", "[pool][outcome]") {
  PoolFixture f(3);
  fares(f, "s#1", rate(1200ms));
  fares(f, "s#2", auth());
  f.pool().disable("s#3", "x", f.now);
  const Unavailable why = f.refusal();
  CHECK(why.kind == ErrorKind::rate_limited);
  CHECK(why.reason ==
        "s#1: cooling down for 1200 ms (429, stated); s#2: disabled, the provider rejects it for 3600000 ms (401, "
        "guessed); s#3: disabled by hand");
  SECTION("all disabled") {
    f.pool().disable("s#1", "x", f.now);
    CHECK(f.refusal().kind == ErrorKind::authentication);
  }
  SECTION("all exhausted") {
    PoolFixture g(2);
    fares(g, "s#1", quota());
    fares(g, "s#2", quota());
    CHECK(g.refusal().kind == ErrorKind::quota_exhausted);
  }
  SECTION("a long list is cut") {
    PoolFixture g(1000);
    for (int i = 1; i <= 1000; ++i) g.pool().disable("s#" + std::to_string(i), "x", g.now);
    CHECK(g.refusal().reason.size() < 600);
    CHECK(g.refusal().reason.find("992 more") != std::string::npos);
  }
  SECTION("nobody") { CHECK(f.refusal({.service = "other"}).kind == ErrorKind::config); }
}

TEST_CASE("a lease tells why this one", "[pool][outcome]") {
  PoolFixture f(2);
  CHECK(f.lend().reason() == "round_robin");
  fares(f, "s#1", rate(1200ms));
  CHECK(f.lend().reason() == "round_robin; skipped s#1: cooling down for 1200 ms (429, stated)");
  CHECK(f.lend({.rotation = Rotation::first}).reason().starts_with("first; skipped s#1"));
}

TEST_CASE("what a credential did is counted", "[pool][outcome]") {
  PoolFixture f(1);
  fares(f, "s#1",
        Outcome::success({.prompt_tokens = 100, .completion_tokens = 20, .cached_tokens = 60, .reasoning_tokens = 5}));
  fares(f, "s#1", failed(FailureClass::server, Scope::service, {}, 500));
  Outcome aborted = Outcome::cancelled();
  aborted.usage = {.prompt_tokens = 10, .completion_tokens = 3, .estimated = true};
  fares(f, "s#1", aborted);
  f.pool().report(f.lend(), Outcome::cancelled(false), f.now);
  Lease flying = f.lend();
  const CredentialStatus status = f.status("s#1");
  CHECK(status.requests == 3);
  CHECK(status.successes == 1);
  CHECK(status.failures == std::map<ErrorKind, std::uint64_t>{{ErrorKind::server_error, 1}});
  CHECK(status.cancelled == 2);
  CHECK(status.prompt_tokens == 110);
  CHECK(status.completion_tokens == 23);
  CHECK(status.cached_tokens == 60);
  CHECK(status.reasoning_tokens == 5);
  CHECK(status.estimated_tokens == 13);
  CHECK(status.in_flight == 1);
  CHECK(status.requests_last_minute == 3);
  CHECK(status.tokens_last_minute == 133);
  f.now += 61s;
  CHECK(f.status("s#1").requests_last_minute == 0);
  std::ostringstream text;
  text << status;
  CHECK(text.str() ==
        "s#1: active, 3 requests, 1 ok, 1 server_error, 2 cancelled, 110 prompt and 23 completion tokens (13 "
        "estimated), 1 in flight");
}

TEST_CASE("retry times of absurd size do no harm", "[pool][outcome]") {
  PoolFixture f(1);
  fares(f, "s#1", rate(std::chrono::milliseconds::max()));
  CHECK(f.refusal().at == f.now + 1h);
  f.pool().clear("s#1", f.now);
  fares(f, "s#1", rate(std::chrono::milliseconds::min()));
  CHECK(f.refusal().at == f.now + 5s);
  f.pool().clear("s#1", f.now);
  fares(f, "s#1", rate(0ms));
  CHECK(f.refusal().at == f.now + 5s);
}

TEST_CASE("a reload keeps what is known of those who stay", "[pool][outcome]") {
  PoolFixture f(3, {.rpm = 2});
  fares(f, "s#1", rate(60s));
  fares(f, "s#2", Outcome::success());
  Lease flying = f.lend();
  REQUIRE(flying.id() == "s#3");
  const auto reload = [&] { f.pool().reload(f.services, f.retry, "", f.now); };

  SECTION("rests and windows") {
    reload();
    CHECK(f.state("s#1") == CredentialState::cooling_down);
    CHECK(f.status("s#2").successes == 1);
    CHECK(f.calls(3) == "23-");
  }
  SECTION("new limits hold at once, over what was sent before") {
    f.key(1).limits.rpm = 1;
    f.key(2).limits.rpm = 5;
    reload();
    CHECK(f.calls(6) == "3333--");
  }
  SECTION("a key that goes takes its leases with it, harmlessly") {
    f.services[0].credentials.erase(f.services[0].credentials.begin() + 2);
    reload();
    CHECK(flying.credential().api_key == Secret("sk-s#3"));
    CHECK_FALSE(f.pool().status("s#3", f.now));
    f.pool().sent(flying, f.now);
    f.pool().report(std::move(flying), auth(), f.now);
    CHECK(f.calls(2) == "2-");
  }
  SECTION("a service that goes, likewise") {
    f.services.clear();
    reload();
    CHECK(f.pool().status(f.now).empty());
    f.pool().report(std::move(flying), rate(60s), f.now);
    CHECK(f.refusal().kind == ErrorKind::config);
  }
  SECTION("a lease sees the config it was lent with") {
    f.key(2).base_url = "https://elsewhere.test";
    reload();
    CHECK(flying.credential().base_url.empty());
    CHECK(f.status("s#3").in_flight == 1);
    f.pool().report(std::move(flying), Outcome::success(), f.now);
    CHECK(f.status("s#3").in_flight == 0);
  }
  SECTION("a new secret under an old id is another key") {
    f.key(0).api_key = "sk-new";
    reload();
    CHECK(f.state("s#1") == CredentialState::active);
  }
  SECTION("a key removed and added again has not forgotten") {
    const CredentialConfig gone = f.key(1);
    f.services[0].credentials.erase(f.services[0].credentials.begin() + 1);
    reload();
    f.services[0].credentials.push_back(gone);
    reload();
    fares(f, "s#2", Outcome::success());
    const std::vector<std::string> others = {"s#1", "s#3"};
    CHECK_FALSE(f.room({.exclude = &others}));
  }
}

TEST_CASE("a limit that a reload adds counts what was sent in the last minute", "[pool][outcome]") {
  PoolFixture f(1);
  CHECK(f.calls(3) == "111");
  f.key(0).limits.rpm = 4;
  f.pool().reload(f.services, f.retry, "", f.now);
  CHECK(f.calls(2) == "1-");
  CHECK(f.refusal().at <= f.now + 61s);
}

TEST_CASE("every class of failure has its row, and the rows are DESIGN's", "[retry]") {
  using namespace keywheel::detail;
  for (std::size_t i = 0; i < kFailureClasses; ++i) {
    CHECK(consequence(static_cast<FailureClass>(i)).failure == static_cast<FailureClass>(i));
  }
  const auto row = [](FailureClass failure) { return consequence(failure); };
  using F = FailureClass;
  CHECK(row(F::rate).credential == CredentialEffect::rest);
  CHECK((row(F::rate).next == NextStep::next_key && row(F::rate).tries == 3));
  CHECK(row(F::quota).credential == CredentialEffect::exhaust);
  CHECK(row(F::quota).next == NextStep::next_account);
  CHECK(row(F::auth).credential == CredentialEffect::disable);
  CHECK(row(F::auth).next == NextStep::next_key);
  CHECK((row(F::token).repair == Repair::token && row(F::clock).repair == Repair::clock));
  for (const F f : {F::permission, F::model}) {
    CHECK(row(f).credential == CredentialEffect::set_aside);
    CHECK(row(f).next == NextStep::next_key);
  }
  for (const F f : {F::token, F::clock, F::output}) CHECK((row(f).next == NextStep::same_key && row(f).tries == 1));
  CHECK((row(F::capacity).service == ServiceEffect::rest_model && row(F::capacity).backoff));
  CHECK(row(F::place).service == ServiceEffect::rest_host);
  for (const F f : {F::capacity, F::place}) CHECK(row(f).next == NextStep::next_service);
  for (const F f : {F::server, F::connection, F::connect_timeout}) {
    CHECK((row(f).service == ServiceEffect::count && row(f).tries == kTriesOfPolicy && row(f).per_service));
    CHECK((row(f).backoff && !row(f).maybe_billed));
  }
  CHECK(
      (row(F::timeout).service == ServiceEffect::count && row(F::timeout).tries == 1 && row(F::timeout).maybe_billed));
  for (const F f : {F::request, F::context, F::filter, F::cancelled}) CHECK(row(f).next == NextStep::stop);
  CHECK(row(F::context).fallback == FallbackCase::context_length);
  CHECK(row(F::filter).fallback == FallbackCase::content_filter);
  CHECK(row(F::request).fallback == FallbackCase::none);
  CHECK((row(F::too_big).next == NextStep::next_key && row(F::too_big).fallback == FallbackCase::any));
  CHECK((row(F::unknown).next == NextStep::next_account && row(F::unknown).tries == 1));
  for (std::size_t i = 0; i < kFailureClasses; ++i) {
    const Consequence& c = kConsequences[i];
    const bool blames = c.failure == F::rate || c.failure == F::quota || c.failure == F::auth ||
                        c.failure == F::permission || c.failure == F::model;
    CHECK((c.credential != CredentialEffect::none) == blames);
    CHECK((c.next == NextStep::stop) ==
          (c.failure == F::request || c.failure == F::context || c.failure == F::filter || c.failure == F::cancelled));
  }
}

TEST_CASE("an answer from before a rest was lengthened does not end it", "[pool][cooldown]") {
  PoolFixture f(1);
  Lease first = f.lend();
  Lease slow = f.lend();
  f.pool().report(std::move(first), rate(1s), f.now);
  f.now += 1s;
  Lease meanwhile = f.lend();
  REQUIRE(meanwhile);
  f.pool().report(std::move(slow), rate(60s), f.now);
  f.pool().report(std::move(meanwhile), Outcome::success(), f.now);
  CHECK_FALSE(f.room());
  CHECK(f.refusal().at == f.now + 60s);
  f.now += 60s;
  CHECK(f.room());
}
