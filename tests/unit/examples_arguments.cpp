#include <array>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "../../examples/arguments.hpp"

namespace {

Arguments arguments(std::vector<std::string> words) {
  words.insert(words.begin(), "program");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return {static_cast<int>(argv.size()), argv.data()};
}

}  // namespace

TEST_CASE("options are taken by name wherever they stand, and the rest are words", "[examples]") {
  Arguments a = arguments({"hello", "--json", "--model", "m", "big", "--rate=2.5", "--", "--world", "--"});
  CHECK(a.flag("--json"));
  CHECK_FALSE(a.flag("--json"));
  CHECK_FALSE(a.flag("--mod"));
  CHECK(a.value("--model") == "m");
  CHECK(a.number<double>("--rate", 0) == 2.5);
  CHECK_FALSE(a.value("--absent"));
  CHECK(a.words() == std::vector<std::string>{"hello", "big", "--world", "--"});
}

TEST_CASE("the last of several values holds", "[examples]") {
  Arguments a = arguments({"--model", "x", "--model=y"});
  CHECK(a.value("--model") == "y");
  CHECK(a.words().empty());
}

TEST_CASE("a value may be empty or look like an option, but not be missing", "[examples]") {
  CHECK(arguments({"--model="}).value("--model") == "");
  CHECK(arguments({"--model", "-x"}).value("--model") == "-x");
  CHECK_THROWS_AS(arguments({"--model"}).value("--model"), UsageError);
  CHECK_THROWS_AS(arguments({"--model", "--", "x"}).value("--model"), UsageError);
}

TEST_CASE("what is not a number, or too small, is refused", "[examples]") {
  for (const char* text : {"", "x", "1x", "-1", "0", "99999999999999999999999", " 1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(arguments({"--n", text}).number<long long>("--n", 1), UsageError);
  }
  CHECK_THROWS_AS(arguments({"--n", "nan"}).number<double>("--n", 0.1), UsageError);
  CHECK(arguments({"--n", "1"}).number<long long>("--n", 1) == 1);
}

TEST_CASE("an unknown option is refused, a lone dash is a word", "[examples]") {
  CHECK_THROWS_AS(arguments({"--what"}).words(), UsageError);
  CHECK_THROWS_AS(arguments({"-w"}).words(), UsageError);
  CHECK(arguments({"-"}).words() == std::vector<std::string>{"-"});
}
