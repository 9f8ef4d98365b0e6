#include <map>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "integration/http_support.hpp"

using namespace http_test;  // NOLINT(google-build-using-namespace)
using Kind = ExchangeEnd::Kind;

namespace {

/// A clock and lookups in a test's hands.
struct Names {
  Lookup operator()(const std::string& host) {
    std::unique_lock lock(mutex);
    ++lookups[host];
    ++inside;
    most_inside = std::max(most_inside, inside);
    changed.notify_all();
    changed.wait(lock, [&] { return held.count(host) == 0; });
    --inside;
    const auto found = answers.find(host);
    return found != answers.end() ? found->second : Lookup{.error = "no such name"};
  }

  std::shared_ptr<Resolver> resolver() {
    return Resolver::create({.lookup = [this](const std::string& host) { return (*this)(host); },
                             .now = [this] { return TimePoint(std::chrono::milliseconds(time.load())); }});
  }

  void release(const std::string& host) {
    const std::lock_guard lock(mutex);
    held.erase(host);
    changed.notify_all();
  }
  void await(const std::string& host, int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return lookups[host] >= count; });
  }
  int count(const std::string& host) {
    const std::lock_guard lock(mutex);
    return lookups[host];
  }

  std::mutex mutex{};
  std::condition_variable changed{};
  std::map<std::string, Lookup> answers{};
  std::map<std::string, int> held{};
  std::map<std::string, int> lookups{};
  int inside = 0;
  int most_inside = 0;
  std::atomic<int> time{0};
};

/// Waits for what the resolver says.
Resolver::Answer ask(Resolver& resolver, const std::string& host) {
  Latch done;
  Resolver::Answer answer;
  const auto known = resolver.find(host, [&](const Resolver::Answer& found) {
    answer = found;
    done.open();
  });
  if (known) return *known;
  done.wait();
  return answer;
}

}  // namespace

TEST_CASE("a name that takes long to resolve holds up nobody else", "[http][resolver]") {
  Server server(echo([](const Received&) { return "ok"; }));
  Names names;
  names.held["slow.test"] = 1;
  names.answers["slow.test"] = {.addresses = {"127.0.0.1"}};
  names.answers["quick.test"] = {.addresses = {"127.0.0.1"}};
  const auto loop = Loop::create({.resolver = names.resolver()});
  const auto url = [&](const char* host) { return fmt::format("http://{}:{}/", host, server.port()); };
  std::vector<std::unique_ptr<Recorder>> slow;
  for (int i = 0; i < 10; ++i) {
    slow.push_back(std::make_unique<Recorder>(*loop));
    start(*loop, *slow.back(), post(url("slow.test")));
  }
  names.await("slow.test", 1);
  for (int i = 0; i < 20; ++i) {
    Recorder quick(*loop);
    run(*loop, quick, post(i % 2 == 0 ? server.url() : url("quick.test")));
    CHECK(quick.body == "ok");
  }
  for (const auto& recorder : slow) CHECK(recorder->ends == 0);
  names.release("slow.test");
  for (const auto& recorder : slow) {
    loop->wait(recorder->gate);
    CHECK(recorder->body == "ok");
  }
  CHECK(names.count("slow.test") == 1);
  CHECK(names.count("quick.test") == 1);
  loop->stop();
}

TEST_CASE("a name that does not resolve leaves its exchange unreachable, and says why", "[http][resolver]") {
  Names names;
  names.answers["full.test"] = {.error = "Too many open files", .exhausted = true};
  const auto loop = Loop::create({.resolver = names.resolver()});
  Recorder missing(*loop);
  run(*loop, missing, post("https://missing.test/?k=secret"));
  CHECK(missing.end.kind == Kind::unreachable);
  CHECK(missing.end.message == "the name missing.test was not resolved: no such name");
  Recorder full(*loop);
  run(*loop, full, post("https://full.test/"));
  CHECK(full.end.kind == Kind::exhausted);
}

TEST_CASE("a new address is taken up by the next exchange", "[http][resolver]") {
  Server server(echo([](const Received&) { return "ok"; }));
  Names names;
  const auto loop = Loop::create({.resolver = names.resolver()});
  const std::string url = fmt::format("http://moving.test:{}/", server.port());
  names.answers["moving.test"] = {.addresses = {"127.0.0.2"}};  // the server listens on 127.0.0.1 only
  Recorder first(*loop);
  run(*loop, first, post(url));
  CHECK(first.end.kind == Kind::unreachable);

  names.answers["moving.test"] = {.addresses = {"127.0.0.1"}};
  Recorder second(*loop);  // gets the old answer, and the lookup of the new one begins
  run(*loop, second, post(url));
  names.await("moving.test", 2);
  for (bool moved = false; !moved;) {
    Recorder third(*loop);
    run(*loop, third, post(url));
    moved = third.body == "ok";
  }
  SUCCEED();
}

TEST_CASE("an answer is fresh for a minute, then served while a new lookup runs", "[http][resolver]") {
  Names names;
  names.answers["a.test"] = {.addresses = {"192.0.2.1", "2001:db8::1"}};
  const auto resolver = names.resolver();
  const Resolver::Answer first = ask(*resolver, "a.test");
  CHECK(first.addresses == "192.0.2.1,[2001:db8::1]");
  names.time = 59'999;
  CHECK(ask(*resolver, "a.test").version == first.version);
  CHECK(names.count("a.test") == 1);

  {
    const std::lock_guard lock(names.mutex);
    names.held["a.test"] = 1;
    names.answers["a.test"] = {.addresses = {"192.0.2.9"}};
  }
  names.time = 60'000;
  for (int i = 0; i < 10; ++i) CHECK(ask(*resolver, "a.test").addresses == first.addresses);
  names.await("a.test", 2);
  names.release("a.test");
  Resolver::Answer answer;
  while ((answer = ask(*resolver, "a.test")).version == first.version) std::this_thread::yield();
  CHECK(answer.addresses == "192.0.2.9");
  CHECK(names.count("a.test") == 2);
}

TEST_CASE("a failed lookup is believed for a second, and old addresses outlive it", "[http][resolver]") {
  Names names;
  const auto resolver = names.resolver();
  CHECK(ask(*resolver, "a.test").error == "no such name");
  names.answers["a.test"] = {.addresses = {"192.0.2.1"}};
  names.time = 999;
  CHECK(ask(*resolver, "a.test").error == "no such name");
  CHECK(names.count("a.test") == 1);
  names.time = 1000;
  CHECK(ask(*resolver, "a.test").addresses == "192.0.2.1");
  names.answers.erase("a.test");
  names.time = 100'000;
  CHECK(ask(*resolver, "a.test").addresses == "192.0.2.1");
  names.await("a.test", 3);
  CHECK(ask(*resolver, "a.test").addresses == "192.0.2.1");
}

TEST_CASE("four lookups run at once and one a name", "[http][resolver]") {
  Names names;
  const auto resolver = names.resolver();
  std::atomic<int> answered = 0;
  Latch all;
  for (int i = 0; i < 10; ++i) names.held[fmt::format("{}.test", i)] = 1;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 10; ++i)
      (void)resolver->find(fmt::format("{}.test", i), [&](const Resolver::Answer&) {
        if (++answered == 30) all.open();
      });
  names.await("3.test", 1);
  for (int i = 0; i < 10; ++i) names.release(fmt::format("{}.test", i));
  all.wait();
  CHECK(names.most_inside <= 4);
  for (int i = 0; i < 10; ++i) CHECK(names.count(fmt::format("{}.test", i)) == 1);
}

TEST_CASE("a lookup that hangs outlives its resolver without harm", "[http][resolver]") {
  auto names = std::make_shared<Names>();
  names->held["slow.test"] = 1;
  Latch gone;
  const auto note = [&gone](const int* held) {
    delete held;
    gone.open();
  };
  int called = 0;
  {
    const auto loop = Loop::create(
        {.resolver = Resolver::create({.lookup = [names, held = std::shared_ptr<int>(new int, note)](
                                                     const std::string& host) { return (*names)(host); }})});
    Recorder recorder(*loop);
    recorder.when_end = [&] { ++called; };
    start(*loop, recorder, post("https://slow.test/"));
    names->await("slow.test", 1);
    loop->stop();
    recorder.exchange.reset();
  }
  names->release("slow.test");
  gone.wait();
  CHECK(called == 0);
}

TEST_CASE("the system resolves localhost", "[http][resolver]") {
  const Lookup lookup = system_lookup("localhost");
  CHECK_FALSE(lookup.addresses.empty());
  CHECK_FALSE(system_lookup("").error.empty());
}
