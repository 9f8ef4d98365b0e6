#include "router/seam.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "router/usage_sum.hpp"

using namespace keywheel;
using detail::Seam;

namespace {

/// What is shown in all, where an answer that had shown `shown` goes on with `pieces`.
std::string joined(std::string_view shown, Resumption how, const std::vector<std::string_view>& pieces) {
  Seam seam(shown, how);
  std::string all(shown);
  for (const std::string_view piece : pieces) all += seam.pass(piece);
  return all += seam.rest();
}

}  // namespace

TEST_CASE("the beginning that a model is given ends without white space", "[seam]") {
  CHECK(Seam::beginning("Hello wor") == "Hello wor");
  CHECK(Seam::beginning("Hello \n") == "Hello");
  CHECK(Seam::beginning(" \n").empty());
  CHECK(Seam::beginning("").empty());
}

TEST_CASE("white space at the seam is shown once", "[seam]") {
  using enum Resumption;
  CHECK(joined("Hello wor", appends, {"ld", "!"}) == "Hello world!");
  CHECK(joined("Hello", appends, {" world"}) == "Hello world");
  CHECK(joined("Hello ", appends, {" world"}) == "Hello world");
  CHECK(joined("Hello ", appends, {"world"}) == "Hello world");
  CHECK(joined("A:\n\n", appends, {"\n", "\n", "- b"}) == "A:\n\n- b");
  CHECK(joined("A:\n\n", appends, {"\n- b"}) == "A:\n\n- b");
  CHECK(joined("A:\n", appends, {"\n"}) == "A:\n");
  CHECK(joined("A:\n", appends, {"\n\n- b"}) == "A:\n\n- b");
  CHECK(joined("A ", appends, {}) == "A ");
}

TEST_CASE("a beginning that the provider repeats is shown once, and only as a whole", "[seam]") {
  using enum Resumption;
  CHECK(joined("Hello wor", repeats, {"Hello world!"}) == "Hello world!");
  CHECK(joined("Hello wor", repeats, {"Hel", "lo ", "world", "!"}) == "Hello world!");
  CHECK(joined("Hello ", repeats, {"Hello", " world"}) == "Hello world");
  CHECK(joined("Hello ", repeats, {"ld"}) == "Hello ld");
  CHECK(joined("Hello, ", repeats, {"Hell", "as!"}) == "Hello, Hellas!");
  CHECK(joined("Hello", repeats, {"Hel"}) == "HelloHel");
  CHECK(joined("Hello", repeats, {"Hello"}) == "Hello");
  CHECK(joined("ha", appends, {"ha"}) == "haha");
}

TEST_CASE("the usage of several attempts is their sum, and estimated where a part of it is", "[seam]") {
  Usage sum{.prompt_tokens = 10, .completion_tokens = 4, .estimated = true};
  detail::add_usage(sum, {.prompt_tokens = 15, .completion_tokens = 6, .total_tokens = 21, .cached_tokens = 8});
  CHECK(sum.prompt_tokens == 25);
  CHECK(sum.completion_tokens == 10);
  CHECK(sum.total_tokens == 35);
  CHECK(sum.cached_tokens == 8);
  CHECK_FALSE(sum.reasoning_tokens);
  CHECK(sum.estimated);
}
