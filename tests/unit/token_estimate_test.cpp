#include "router/token_estimate.hpp"

#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using keywheel::detail::estimate_tokens;
using keywheel::detail::TokenCounter;

TEST_CASE("tokens are estimated near enough for prose, Chinese and code", "[router][tokens]") {
  struct Case {
    std::string_view text;
    double counted;  // by o200k_base
  };
  const auto c = GENERATE(
      Case{"Mrs. Alderton, who had travelled from the coast that morning, pointed out that most of the students arrive "
           "after six and would otherwise have nowhere to work.",
           32},
      Case{"请根据以下会议纪要生成一份项目进度报告,要求包含任务负责人、截止日期和风险说明,并以表格形式输出。", 32},
      Case{"    if (!response.ok) {\n      throw new Error(`Request failed: ${response.status}`);\n    }\n", 21},
      Case{"std::int64_t sum = 0;\nfor (const Entry& e : entries_) sum += e.amount;\nreturn sum;\n", 27});
  const auto estimate = static_cast<double>(estimate_tokens(c.text));
  CAPTURE(c.text, estimate);
  CHECK(estimate >= 0.75 * c.counted);
  CHECK(estimate <= 1.3 * c.counted);
}

TEST_CASE("no bytes make an estimate go wrong", "[router][tokens]") {
  CHECK(estimate_tokens("") == 0);
  CHECK(estimate_tokens(" ") == 0);
  CHECK(estimate_tokens("a") == 1);
  CHECK(estimate_tokens(std::string("\x80\xff\xc3\xe4\0\xf0", 6)) >= 0);
  CHECK(estimate_tokens(std::string(1'000'000, 'x')) > 100'000);
  CHECK(estimate_tokens(std::string(1'000'000, '7')) > 300'000);
}

TEST_CASE("the application's own tokenizer is asked first, and what it cannot mean is nothing", "[router][tokens]") {
  std::string_view asked;
  const TokenCounter::Hook hook = [&](std::string_view text, std::string_view model) -> std::int64_t {
    asked = model;
    return text == "bad" ? -7 : 42;
  };
  const TokenCounter count(hook, "gpt-4o");
  CHECK(count("some text") == 42);
  CHECK(asked == "gpt-4o");
  CHECK(count("bad") == 0);
  CHECK(count("") == 0);
  const TokenCounter::Hook none;
  CHECK(TokenCounter(none, "m")("some text") == estimate_tokens("some text"));
}
