#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "../../examples/json_out.hpp"
#include "support/json.hpp"

namespace {

std::string json(const auto& value) {
  JsonOut out;
  out.value(value);
  return out.text();
}

}  // namespace

TEST_CASE("values are written as JSON has them", "[examples]") {
  CHECK(json(true) == "true");
  CHECK(json(std::int64_t{-5}) == "-5");
  CHECK(json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(json(1.5) == "1.5");
  CHECK(json(2.0) == "2");
  CHECK(json(0.00049) == "0");
  CHECK(json(-0.0001) == "0");
  CHECK(json(1e300).size() == 301);
  CHECK(json(std::nan("")) == "null");
  CHECK(json(std::numeric_limits<double>::infinity()) == "null");
  CHECK(json(std::optional<int>{}) == "null");
  CHECK(json(std::optional<int>{7}) == "7");
  CHECK(json("text") == "\"text\"");
}

TEST_CASE("members and elements are separated by commas, nested or empty", "[examples]") {
  JsonOut out;
  out.object([&] {
    out.member("a", 1);
    out.member("b", [&] {
      out.array([&] {
        out.value(1);
        out.object([] {});
        out.array([] {});
        out.value("x");
      });
    });
    out.member("c", [&] { out.object([&] { out.member("d", true); }); });
    out.member("e", std::optional<double>{});
  });
  CHECK(out.text() == R"({"a":1,"b":[1,{},[],"x"],"c":{"d":true},"e":null})");
}

TEST_CASE("every string becomes valid JSON, and valid UTF-8 stays what it was", "[examples]") {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xC2\x80\xE2\x98\x83\xF0\x9D\x84\x9E\xF4\x8F\xBF\xBF\xEF\xBF\xBF";
  const rapidjson::Document parsed = keywheel::testing::parse_json(json(std::string_view(all)));
  REQUIRE(parsed.IsString());
  CHECK(keywheel::testing::view(parsed) == all);
}

TEST_CASE("what is not UTF-8 is replaced byte by byte", "[examples]") {
  constexpr std::string_view kMark = "\xEF\xBF\xBD";
  const auto marks = [&](int count) {
    std::string text = "\"a";
    for (int i = 0; i < count; ++i) text += kMark;
    return text + "b\"";
  };
  struct Case {
    const char* bytes;
    int marks;
  };
  for (const Case& c : {Case{"\x80", 1}, Case{"\xC0\x80", 2}, Case{"\xC3", 1}, Case{"\xE0\x80\x80", 3},
                        Case{"\xED\xA0\x80", 3}, Case{"\xE2\x98", 2}, Case{"\xF0\x80\x80\x80", 4},
                        Case{"\xF4\x90\x80\x80", 4}, Case{"\xF0\x9D\x84", 3}, Case{"\xFF\xFE", 2}}) {
    CHECK(json(std::string("a") + c.bytes + "b") == marks(c.marks));
  }
}
