#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "unit/pool_fixture.hpp"

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

Outcome of(std::string organization, std::string project = {}, std::vector<StatedLimit> limits = {}) {
  Outcome outcome = Outcome::success();
  outcome.stated.organization = std::move(organization);
  outcome.stated.project = std::move(project);
  outcome.stated.limits = std::move(limits);
  return outcome;
}

PoolFixture pool_of(std::string provider, std::size_t keys) {
  PoolFixture f(keys);
  f.services[0].provider = std::move(provider);
  return f;
}

}  // namespace

TEST_CASE("keys whose answers name one organisation share its limits from then on", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 3);
  CHECK(f.call({}, of("org-a")) == "s#1");
  CHECK(f.call({}, of("org-a", {}, {{.limit = 10, .remaining = 9}})) == "s#2");
  CHECK(f.call({}, of("org-b")) == "s#3");
  // Ten a minute for the first two together, of which one is used; the third is somebody else's.
  std::string ids = f.calls(60);
  CHECK(std::count(ids.begin(), ids.end(), '1') + std::count(ids.begin(), ids.end(), '2') == 9);
  CHECK(std::count(ids.begin(), ids.end(), '3') == 51);
  CHECK(f.status("s#1").limits.at(0).level == "account");
  CHECK(f.status("s#3").limits.empty());
}

TEST_CASE("a quota that one key meets is exhausted for all of its organisation", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 3);
  f.call({}, of("org-a"));
  f.call({}, of("org-a"));
  f.call({}, of("org-b"));
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#1");
  CHECK(f.state("s#1") == CredentialState::exhausted);
  CHECK(f.state("s#2") == CredentialState::exhausted);
  CHECK(f.state("s#3") == CredentialState::active);
}

TEST_CASE("a project is joined below its organisation", "[pool][kinship]") {
  PoolFixture f = pool_of("openai", 3);
  f.call({}, of("org", "proj-1"));
  f.call({}, of("org", "proj-1"));
  f.call({}, of("org", "proj-2"));
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::project)) == "s#1");
  CHECK(f.state("s#2") == CredentialState::exhausted);
  CHECK(f.state("s#3") == CredentialState::active);
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#3");
  CHECK(f.refusal().kind == ErrorKind::quota_exhausted);
}

TEST_CASE("each project of an organisation has limits of its own, and keys of one share them", "[pool][kinship]") {
  PoolFixture f = pool_of("openai", 3);
  f.key(0).account = f.key(1).account = f.key(2).account = "acme";
  f.call({}, of("org", "proj-1", {{.limit = 4, .remaining = 3}}));
  f.call({}, of("org", "proj-2", {{.limit = 4, .remaining = 3}}));
  f.call({}, of("org", "proj-2", {{.limit = 4, .remaining = 2}}));
  // Three are left to the first project, two to the second.
  const std::string ids = f.calls(8);
  CHECK(std::count(ids.begin(), ids.end(), '1') == 3);
  CHECK(std::count(ids.begin(), ids.end(), '-') == 3);
  CHECK(f.status("s#1").limits.at(0).level == "key");
  CHECK(f.status("s#3").limits.at(0).level == "project");
}

TEST_CASE("configured accounts that turn out to be one are joined above what the config says", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 2);
  f.key(0).account = "a";
  f.key(1).account = "b";
  f.key(0).limits.rpm = 3;
  CHECK(f.call({}, of("org")) == "s#1");
  CHECK(f.call({}, of("org")) == "s#2");
  CHECK(f.calls(6) == "121222");
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#2");
  CHECK_FALSE(f.room());
}

TEST_CASE("what is in flight ends well across a join", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 2);
  Lease one = f.lend();
  Lease two = f.lend();
  f.pool().sent(one, f.now);
  f.pool().sent(two, f.now);
  Lease three = f.lend();
  f.pool().report(std::move(one), of("org", {}, {{.limit = 5, .remaining = 4}}), f.now);
  f.pool().report(std::move(two), of("org", {}, {{.limit = 5, .remaining = 3}}), f.now);
  // Two are answered, and the third is lent.
  CHECK(f.calls(3) == "21-");
  three = Lease{};
  CHECK(f.calls(2).find('-') == 1);
  CHECK(f.status("s#1").in_flight == 0);
  for (const LimitStatus& limit : f.status("s#1").limits) CHECK(limit.used >= 0);
}

TEST_CASE("a key that changes its organisation goes with the new one", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 3);
  f.call({}, of("org-a"));
  f.call({}, of("org-a"));
  f.call({}, of("org-b"));
  CHECK(f.call({}, of("org-b")) == "s#1");
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#2");
  CHECK(f.state("s#1") == CredentialState::active);
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#3");
  CHECK(f.state("s#1") == CredentialState::exhausted);
}

TEST_CASE("a reload begins anew with whose keys are", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 2);
  f.call({}, of("org"));
  f.call({}, of("org"));
  f.pool().reload(f.services, f.retry, "", f.now);
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#1");
  CHECK(f.state("s#2") == CredentialState::active);
  f.call({}, of("org"));
  CHECK(f.state("s#2") == CredentialState::active);
}

TEST_CASE("absurd names join nobody", "[pool][kinship]") {
  PoolFixture f = pool_of("claude", 2);
  f.call({}, of(std::string(5000, 'x')));
  f.call({}, of(std::string(5000, 'x')));
  CHECK(f.call({}, PoolFixture::failed(FailureClass::quota, Scope::account)) == "s#1");
  CHECK(f.state("s#2") == CredentialState::active);
}
