#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "providers/registry.hpp"
#include "support/verdict_transport.hpp"

/// What an Observer sees.

using namespace keywheel;
using namespace keywheel::testing;
using namespace std::chrono_literals;

namespace {

/// Writes a line for each event.
class Recorder : public Observer {
 public:
  void on_call_begun(const CallBegun& e) override { add("call {} begun: {} {}", e.call, e.operation, e.model); }
  void on_call_ended(const CallEnded& e) override {
    add("call {} ended: {}", e.call, e.response != nullptr ? "answered" : std::string(to_string(e.error->kind)));
  }
  void on_attempt_started(const AttemptStarted& e) override { add("attempt started: {}", e.attempt.credential); }
  void on_attempt_ended(const AttemptEnded& e) override {
    add("attempt ended: {} {}", e.attempt.credential, e.attempt.error ? e.attempt.failure : "ok");
  }
  void on_wait_begun(const WaitBegun& /*e*/) override { add("wait begun"); }
  void on_wait_ended(const WaitEnded& e) override {
    add("wait ended: {} ms, {}", e.waited.count() / 1000, e.granted ? "granted" : "not granted");
  }
  void on_credential_changed(const CredentialChanged& e) override {
    add("{}: {} {}{}", e.credential, e.level, to_string(e.state),
        e.model.empty() ? "" : " with " + std::string(e.model));
  }
  void on_credentials_joined(const CredentialsJoined& e) override {
    add("{} and {} share the {} {}", e.credential, e.with, e.level, e.name);
  }
  void on_breaker_changed(const BreakerChanged& e) override {
    add("breaker {} {}: {}", e.service, e.model, e.trial ? "half open" : e.open ? "open" : "closed");
  }
  void on_service_rested(const ServiceRested& e) override {
    add("{} rests for {} ms{}{}", e.service, e.available_in.count(), e.model.empty() ? "" : " with ", e.model);
  }
  void on_limit_learned(const LimitLearned& e) override {
    add("{}: {} {} {} with {}{}", e.credential, e.level, e.name, e.limit, e.group, e.found ? ", found" : "");
  }
  void on_hedged(const Hedged& e) override {
    add("hedged: {} beside {} after {} ms", e.second.credential, e.slow.credential, e.after.count() / 1000);
  }
  void on_resumed(const ResumedStream& e) override { add("resumed: {}", e.attempt.credential); }
  void on_fell_back(const FellBack& e) override { add("fell back: {} to {} ({})", e.from, e.to, e.reason); }
  void on_token_fetched(const TokenFetched& e) override {
    add("token: {} {}", e.credential, e.error.empty() ? std::to_string(e.lifetime.count()) : std::string(e.error));
  }
  void on_reloaded(const ConfigReloaded& e) override { add("reloaded: {} {}", e.services, e.credentials); }

  std::vector<std::string> lines{};

 private:
  template <class... T>
  void add(fmt::format_string<T...> format, T&&... values) {
    lines.push_back(fmt::format(format, std::forward<T>(values)...));
  }
};

struct ObservedSim : SimRouter {
  explicit ObservedSim(std::vector<std::string> keys = {"sk-key-one", "sk-key-two"}) : SimRouter(std::move(keys)) {
    config.observer = recorder;
  }
  std::vector<std::string> lines() { return std::exchange(recorder->lines, {}); }
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an Observer sees a call from its beginning to its end", "[router][observer]") {
  ObservedSim sim;
  sim.provider.script("sk-key-one", KeyScript::revoked());
  REQUIRE(sim.chat());
  CHECK(sim.lines() == Lines{"call 1 begun: chat test-model", "attempt started: main#1", "main#1: key disabled",
                             "attempt ended: main#1 auth", "attempt started: main#2", "attempt ended: main#2 ok",
                             "call 1 ended: answered"});
  REQUIRE(sim.router().clear_credential("main#1"));
  CHECK(sim.lines() == Lines{"main#1: key active"});
  REQUIRE(sim.router().disable_credential("main#1"));
  CHECK(sim.lines() == Lines{"main#1: key disabled"});
  REQUIRE(sim.router().reload(sim.config));
  CHECK(sim.lines() == Lines{"reloaded: 1 2"});
}

TEST_CASE("an Observer sees waits, and credentials that rest, are probed and recover", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  sim.provider.script("sk-key-one", KeyScript::throttled_after(0, 3s));
  REQUIRE(sim.chat());
  const Lines lines = sim.lines();
  REQUIRE(lines.size() == 10);
  CHECK(lines[2] == "main#1: key cooling_down with test-model");
  CHECK(lines[4] == "wait begun");
  CHECK(lines[5] == "wait ended: 3000 ms, granted");
  CHECK(lines[7] == "main#1: key active");
  CHECK(lines[9] == "call 1 ended: answered");

  sim.provider.script("sk-key-one", KeyScript::exhausted());
  CHECK_FALSE(sim.chat());
  CHECK(sim.lines()[2] == "main#1: key exhausted");
  sim.provider.script("sk-key-one", KeyScript::ok());
  sim.runtime->run_for(3601s);
  REQUIRE(sim.chat());
  CHECK(sim.lines() == Lines{"call 3 begun: chat test-model", "main#1: key probing", "attempt started: main#1",
                             "main#1: key active", "attempt ended: main#1 ok", "call 3 ended: answered"});
}

TEST_CASE("an Observer sees that two keys turn out to be of one organisation", "[router][observer]") {
  ObservedSim sim;
  sim.config.services[0].rotation = Rotation::round_robin;
  sim.provider.script_others({.reply = [](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::json(200, R"({"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]})");
    reply.headers.push_back({"openai-organization", "org-one"});
    return std::optional(std::move(reply));
  }});
  REQUIRE(sim.chat());
  sim.lines();
  REQUIRE(sim.chat());
  CHECK(sim.lines() == Lines{"call 2 begun: chat test-model", "attempt started: main#2",
                             "main#2 and main#1 share the account org-one", "attempt ended: main#2 ok",
                             "call 2 ended: answered"});
  REQUIRE(sim.chat());
  CHECK(sim.lines().size() == 4);
}

TEST_CASE("a wait that ends with its call is told as such", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  sim.config.services[0].limits.rpm = 1;
  sim.config.services[0].limits.timeout = 300s;
  REQUIRE(sim.chat());
  (void)sim.lines();
  const auto reply = sim.router().chat({.model = "test-model", .messages = {user("x")}, .deadline = 1h});
  REQUIRE(reply);
  CHECK(sim.lines()[1] == "wait begun");
  Call call = sim.router().start({.model = "test-model", .messages = {user("x")}}, [](Result<ChatResponse>) {});
  sim.runtime->run_for(1s);
  call.cancel();
  sim.runtime->run_for(1s);
  CHECK(sim.lines() == Lines{"call 3 begun: chat test-model", "wait begun", "wait ended: 1000 ms, not granted",
                             "call 3 ended: cancelled"});
}

TEST_CASE("an Observer sees the breaker open and close", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  sim.config.retry.max_attempts = 1;
  sim.config.circuit_breaker.failure_threshold = 2;
  sim.provider.script_others(KeyScript::failing(2, 500));
  CHECK_FALSE(sim.chat());
  CHECK_FALSE(sim.chat());
  Lines lines = sim.lines();
  CHECK(std::count(lines.begin(), lines.end(), "breaker main test-model: open") == 1);
  sim.runtime->run_for(31s);
  REQUIRE(sim.chat());
  lines = sim.lines();
  CHECK(lines[1] == "breaker main test-model: half open");
  CHECK(lines[2] == "attempt started: main#1");
  CHECK(std::count(lines.begin(), lines.end(), "breaker main test-model: half open") == 1);
  CHECK(std::count(lines.begin(), lines.end(), "breaker main test-model: closed") == 1);
}

TEST_CASE("an Observer sees services that rest", "[router][observer]") {
  VerdictRouter sim({"sk-key-one"});
  const auto recorder = std::make_shared<Recorder>();
  sim.config.observer = recorder;
  sim.provider.script("sk-key-one", verdict(FailureClass::capacity, Scope::service_model, 20s, 529));
  CHECK_FALSE(sim.chat());
  CHECK(std::count(recorder->lines.begin(), recorder->lines.end(), "main rests for 20000 ms with test-model") == 1);
  sim.runtime->run_for(21s);
  recorder->lines.clear();
  sim.provider.script("sk-key-one", verdict(FailureClass::place, Scope::host, 30s, 403));
  CHECK_FALSE(sim.chat());
  CHECK(std::count(recorder->lines.begin(), recorder->lines.end(), "main rests for 30000 ms") == 1);
}

TEST_CASE("an Observer sees a trial that says nothing end", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  sim.provider.script("sk-key-one", KeyScript::exhausted());
  CHECK_FALSE(sim.chat());
  sim.runtime->run_for(3601s);
  sim.provider.script("sk-key-one", {.delay = 60s});
  (void)sim.lines();
  Call call = sim.router().start({.model = "test-model", .messages = {user("x")}}, [](Result<ChatResponse>) {});
  sim.runtime->run_for(1s);
  call.cancel();
  sim.runtime->run_for(1s);
  CHECK(sim.lines() == Lines{"call 2 begun: chat test-model", "main#1: key probing", "attempt started: main#1",
                             "main#1: key exhausted", "attempt ended: main#1 cancelled", "call 2 ended: cancelled"});
}

TEST_CASE("an Observer sees limits learned and changed", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  std::string limit = "60";
  sim.provider.script_others({.reply = [&](const ReceivedRequest&, const Ask&) {
    Reply reply = Reply::json(200, R"({"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]})");
    reply.headers.push_back({"x-ratelimit-limit-requests", limit});
    reply.headers.push_back({"x-ratelimit-remaining-requests", "50"});
    reply.headers.push_back({"x-ratelimit-reset-requests", "1s"});
    return std::optional(std::move(reply));
  }});
  const auto learned = [&] {
    Lines lines = sim.lines();
    std::erase_if(lines, [](const std::string& line) { return line.find(" rpm ") == std::string::npos; });
    return lines;
  };
  REQUIRE(sim.chat());
  CHECK(learned() == Lines{"main#1: key rpm 60 with test-model"});
  REQUIRE(sim.chat());
  CHECK(learned().empty());
  limit = "600";
  REQUIRE(sim.chat());
  CHECK(learned() == Lines{"main#1: key rpm 600 with test-model"});
}

TEST_CASE("an Observer sees limits that refusals show", "[router][observer]") {
  ObservedSim sim({"sk-key-one"});
  sim.config.retry.max_attempts = 1;
  // Eight within any minute are served; twelve come.
  std::deque<TimePoint> served;
  sim.provider.script_others({.reply = [&](const ReceivedRequest&, const Ask&) {
    const TimePoint now = sim.runtime->now();
    while (!served.empty() && now - served.front() >= 1min) served.pop_front();
    if (served.size() == 8) return std::optional(Reply::json(429, R"({"error":{"message":"rate limit reached"}})"));
    served.push_back(now);
    return std::optional(Reply::json(200, R"({"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]})"));
  }});
  Lines found;
  for (int i = 0; i < 40; ++i) {
    (void)sim.chat();
    sim.runtime->run_for(5s);
    for (std::string& line : sim.lines()) {
      if (line.find(", found") != std::string::npos) found.push_back(std::move(line));
    }
  }
  REQUIRE(!found.empty());
  CHECK(found.back() == "main#1: key rpm 8 with test-model, found");
}

TEST_CASE("an Observer sees hedges and fallbacks", "[router][observer]") {
  ObservedSim sim;
  sim.config.hedge = {.enabled = true, .delay = 2s, .max_share = 1};
  sim.provider.script("sk-key-one", {.delay = 10s});
  REQUIRE(sim.chat());
  CHECK(sim.lines() == Lines{"call 1 begun: chat test-model", "attempt started: main#1",
                             "hedged: main#2 beside main#1 after 2000 ms", "attempt started: main#2",
                             "attempt ended: main#1 cancelled", "attempt ended: main#2 ok", "call 1 ended: answered"});

  ObservedSim other({"sk-key-one"});
  other.config.services[0].models.push_back("second");
  other.config.fallbacks["test-model"] = {.any = {"second"}};
  other.provider.script("sk-key-one", {.models = {"second"}});
  REQUIRE(other.chat());
  const Lines lines = other.lines();
  CHECK(std::count(lines.begin(), lines.end(), "fell back: test-model to second (any)") == 1);
  CHECK(std::count(lines.begin(), lines.end(), "main#1: key cooling_down with test-model") == 1);
}

TEST_CASE("an Observer that throws ends nothing but itself, and the warnings say so", "[router][observer]") {
  struct Thrower : Recorder {
    void on_attempt_started(const AttemptStarted& /*e*/) override { throw std::runtime_error("no space left"); }
  };
  SimRouter sim;
  const auto thrower = std::make_shared<Thrower>();
  sim.config.observer = thrower;
  const std::size_t others = sim.router().warnings().size();
  REQUIRE(sim.chat());
  CHECK(thrower->lines.size() == 1);
  REQUIRE(sim.router().warnings().size() == others + 1);
  CHECK(sim.router().warnings().back().find("no space left") != std::string::npos);
  REQUIRE(sim.router().reload(sim.config));
  CHECK(sim.router().warnings().size() == others);
  REQUIRE(sim.chat());
  CHECK(sim.router().warnings().size() == others + 1);
}

TEST_CASE("an Observer may ask the Router: no lock is held", "[router][observer]") {
  struct Asker : Recorder {
    void ask() {
      if (router == nullptr) return;
      ++asked;
      (void)router->stats();
      (void)router->capacity("test-model");
      (void)router->clear_credential("main#3");
    }
    void on_call_begun(const CallBegun& /*e*/) override { ask(); }
    void on_attempt_started(const AttemptStarted& /*e*/) override { ask(); }
    void on_attempt_ended(const AttemptEnded& /*e*/) override { ask(); }
    void on_credential_changed(const CredentialChanged& /*e*/) override { ask(); }
    void on_call_ended(const CallEnded& /*e*/) override { ask(); }
    Router* router = nullptr;
    int asked = 0;
  };
  SimRouter sim({"sk-key-one", "sk-key-two", "sk-key-three"});
  const auto asker = std::make_shared<Asker>();
  sim.config.observer = asker;
  sim.provider.script("sk-key-one", KeyScript::revoked());
  asker->router = &sim.router();
  REQUIRE(sim.chat());
  CHECK(asker->asked == 7);
}

TEST_CASE("an Observer sees tokens fetched", "[router][observer]") {
  /// OpenAI's dialect behind a token.
  class TokenTransport final : public Transport {
   public:
    Capabilities capabilities() const override { return inner_->capabilities(); }
    Result<HttpRequest> encode(const ChatRequest& request, const Target& target) const override {
      return inner_->encode(request, target);
    }
    std::unique_ptr<Decoder> decoder(const HttpHead& head, const Target& target, const Bounds& bounds) const override {
      return inner_->decoder(head, target, bounds);
    }
    Failure classify(const HttpHead& head, std::string_view body, WallTime now) const override {
      return inner_->classify(head, body, now);
    }
    Result<std::optional<HttpRequest>> token_request(const Target& target) const override {
      return std::optional(inner_->encode({.model = "m", .messages = {user("token")}}, target).value());
    }
    Result<Token> read_token(std::string_view /*body*/, const Target& /*target*/) const override {
      return Token{.value = Secret("token"), .lifetime = 3600s};
    }

   private:
    std::shared_ptr<const Transport> inner_ = detail::make_transport("openai", {});
  };
  ObservedSim sim({"sk-key-one"});
  sim.config.transports["tokened"] = std::make_shared<TokenTransport>();
  sim.config.services[0].provider = "tokened";
  REQUIRE(sim.chat());
  CHECK(sim.lines()[2] == "token: main#1 3600");
  // It is a request like any other.
  CHECK(sim.router().stats().attempts == 2);
  CHECK(sim.status(0).requests == 2);
  CHECK(sim.status(0).requests_last_minute == 2);
  REQUIRE(sim.chat());
  CHECK(sim.lines().size() == 4);
}
