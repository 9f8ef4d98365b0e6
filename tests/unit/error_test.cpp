#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <keywheel/error.hpp>
#include <keywheel/failure.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace keywheel;  // NOLINT(google-build-using-namespace)

TEST_CASE("an error prints what, where and how often", "[error]") {
  Error error{.kind = ErrorKind::rate_limited,
              .message = "slow down",
              .status = 429,
              .service = "openai-1",
              .credential = "openai-1#2",
              .attempts = {Attempt{}, Attempt{}, Attempt{}}};
  std::ostringstream out;
  out << error;
  CHECK(out.str() == "rate_limited (429): slow down [service openai-1, credential openai-1#2, 3 attempts]");
  std::ostringstream bare;
  bare << Error{.kind = ErrorKind::config};
  CHECK(bare.str() == "config");
}

TEST_CASE("an exception carries its error, also when it is copied", "[error]") {
  const Exception first(Error{.kind = ErrorKind::timeout, .message = "late"});
  const Exception second = first;
  CHECK(std::string_view(second.what()) == "timeout: late");
  CHECK(second.error().kind == ErrorKind::timeout);
  CHECK(second.what() == first.what());
}

TEST_CASE("a result is a value or an error", "[error]") {
  Result<int> good = 4;
  CHECK(good);
  CHECK(*good == 4);
  CHECK(good.value() == 4);
  Result<int> bad = Error{.kind = ErrorKind::timeout};
  CHECK_FALSE(bad);
  CHECK(bad.value_or(7) == 7);
  CHECK_THROWS_AS(bad.value(), Exception);
  CHECK(*Result<int>(4).transform([](int i) { return i + 1; }) == 5);
  CHECK(Result<int>(4).and_then([](int) { return Result<int>(Error{.kind = ErrorKind::config}); }).error().kind ==
        ErrorKind::config);
  Result<void> fine;
  CHECK(fine);
  CHECK_NOTHROW(fine.value());
  CHECK_THROWS_AS(Result<void>(Error{}).value(), Exception);
}

TEST_CASE("every kind, class and scope has a name of its own", "[error]") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorKind::unsupported); ++i)
    names.insert(to_string(static_cast<ErrorKind>(i)));
  CHECK(names.size() == 16);
  names.clear();
  for (int i = 0; i <= static_cast<int>(FailureClass::cancelled); ++i) {
    names.insert(to_string(static_cast<FailureClass>(i)));
  }
  CHECK(names.size() == 22);
  names.clear();
  for (int i = 0; i <= static_cast<int>(Scope::host); ++i) names.insert(to_string(static_cast<Scope>(i)));
  CHECK(names.size() == 10);
}

TEST_CASE("a failure is shown as its class's kind unless it says another", "[error]") {
  CHECK(Failure{.failure = FailureClass::rate}.error_kind() == ErrorKind::rate_limited);
  CHECK(Failure{.failure = FailureClass::quota}.error_kind() == ErrorKind::quota_exhausted);
  CHECK(Failure{.failure = FailureClass::place}.error_kind() == ErrorKind::permission);
  CHECK(Failure{.failure = FailureClass::connect_timeout}.error_kind() == ErrorKind::timeout);
  CHECK(Failure{.failure = FailureClass::server, .kind = ErrorKind::protocol}.error_kind() == ErrorKind::protocol);
}
