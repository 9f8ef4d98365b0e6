#include "wire/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/version.hpp>

#include <catch2/catch_test_macros.hpp>

#include "wire/json_writer.hpp"

using namespace keywheel::detail;  // NOLINT(google-build-using-namespace)

TEST_CASE("a value is read with the text it came from", "[json]") {
  const std::string_view text =
      R"( { "a" : [1, -2.50e3 , "x\n\u00e9\ud83d\ude00", true,null , {"k":{}}] , "b":"" , "\u0061b": 12345678901234567890 } )";
  JsonDoc doc;
  REQUIRE(doc.parse(text));
  const JsonValue root = doc.root();
  CHECK(root.is_object());
  CHECK(root.size() == 3);
  CHECK(root.raw() == text.substr(1, text.size() - 2));
  const JsonValue a = root["a"];
  CHECK(a.size() == 6);
  CHECK(a.at(0).integer() == 1);
  CHECK(a.at(1).raw() == "-2.50e3");
  CHECK(a.at(1).integer() == -2500);
  CHECK(a.at(1).number() == -2500.0);
  CHECK(a.at(2).string() == "x\n\xC3\xA9\xF0\x9F\x98\x80");
  CHECK(a.at(2).raw() == R"("x\n\u00e9\ud83d\ude00")");
  CHECK(a.at(3).boolean() == true);
  CHECK(a.at(4).is_null());
  CHECK(a.at(5).raw() == R"({"k":{}})");
  CHECK(a.at(5)["k"].is_object());
  CHECK_FALSE(a.at(6).exists());
  CHECK(root["b"].optional_string() == "");
  CHECK(root["ab"].raw() == "12345678901234567890");
  CHECK_FALSE(root["ab"].integer());
  CHECK_FALSE(root["none"]["of"]["these"].at(3).exists());
  std::string names;
  for (const JsonMember& member : root.members())
    names += std::string(member.name) + "=" + std::string(member.value.raw().substr(0, 1)) + ";";
  CHECK(names == "a=[;b=\";ab=1;");
  std::string kinds;
  for (const JsonValue item : a.items()) kinds += item.raw().substr(0, 1);
  CHECK(kinds == "1-\"tn{");
}

TEST_CASE("what is no JSON is refused, and why is said", "[json]") {
  JsonDoc doc;
  for (const std::string_view text :
       {"",       " ",          "{",  "[1,]", "{\"a\":}", "{\"a\" 1}",   "01",    "1 2", "nul",   "\"\x01\"",
        "\"open", "{\"a\":1}}", "+1", "'a'",  "\"\\x\"",  "\"\\u12g4\"", "[1 2]", "NaN", "{a:1}", "//c\n1"}) {
    INFO(text);
    CHECK_FALSE(doc.parse(text));
    CHECK_FALSE(doc.error().empty());
    CHECK_FALSE(doc.root().exists());
  }
  CHECK_FALSE(doc.parse(std::string_view("1\0", 2)));
  CHECK_FALSE(doc.parse(std::string_view("{}\0{}", 5)));
}

namespace {

void tell(const JsonValue value, std::string& to) {
  to += std::to_string(value.size()) + ' ' + std::string(value.raw()) + '|' + std::string(value.string()) + '\n';
  for (const JsonValue item : value.items()) tell(item, to);
  for (const JsonMember& member : value.members()) {
    (to += member.name) += '=';
    tell(member.value, to);
  }
}

/// All that is read of the first element, or that nothing can be. An exponent is a thing that only the strict reader
/// reads: `last` chooses who does.
std::string reading(const std::string& text, const char* last) {
  JsonDoc doc;
  std::string told;
  const std::string whole = "[" + text + "," + last + "]";
  if (!doc.parse(whole)) return "refused";
  for (std::size_t i = 0; i + 1 < doc.root().size(); ++i) tell(doc.root().at(i), told);
  return told;
}

}  // namespace

TEST_CASE("both ways to read a text make the same of it", "[json]") {
  constexpr std::string_view kSeeds[] = {
      R"({"id":"c","choices":[{"index":0,"message":{"content":"a \"b\" \\ \/\b\f\n\r\t"},"logprobs":null}],"n":-12.50})",
      R"([true,false,null,[],{},"",[ ] , { } ,0,-0,0.1,123456789012345678,1234567890123456789])",
      R"({"a":"\u00e9\u4f60\ud83d\ude00\u0000x","\u0061":"\ud83d","b":"\udc00\ud83dx"})",
      "\t{ \"a\" :\r\n[ 1 , 2 ] , \"\xE4\xBD\xA0\" : \"\xE5\xA5\xBD\" } "};
  constexpr std::string_view kBytes = "\"\\{}[]:,.-+0123e \n\tuntrfalsd8\x01\x7f\xe4";
  std::uint64_t state = 1;
  const auto random = [&state](std::size_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state >> 33U) % below;
  };
  for (const std::string_view seed : kSeeds) {
    CHECK(reading(std::string(seed), "1") != "refused");
    for (int round = 0; round < 5000; ++round) {
      std::string text(seed);
      for (std::size_t edits = random(3); edits-- > 0;) {
        const std::size_t at = random(text.size());
        const std::size_t kind = random(3);
        if (kind == 0) text.erase(at, 1 + random(3));
        if (kind == 1) text.insert(at, 1, kBytes[random(kBytes.size())]);
        if (kind == 2) text[at] = kBytes[random(kBytes.size())];
        if (text.empty()) break;
      }
      INFO(text);
      REQUIRE(reading(text, "1") == reading(text, "1e1"));
    }
  }
}

TEST_CASE("depth and number of values are bounded", "[json]") {
  JsonDoc doc;
  const std::string deep = std::string(129, '[') + std::string(129, ']');
  CHECK_FALSE(doc.parse(deep));
  CHECK(doc.error() == "nested too deeply");
  CHECK(doc.parse(std::string_view(deep).substr(1, 256)));
  CHECK_FALSE(doc.parse(std::string(1'000'000, '[')));
  CHECK_FALSE(doc.parse("[1,2,3,4]", {.values = 4}));
  CHECK(doc.parse("[1,2,3]", {.values = 4}));
}

TEST_CASE("broken characters become U+FFFD and spoil nothing else", "[json]") {
  JsonDoc doc;
  REQUIRE(doc.parse("{\"a\":\"x\xFFy\",\"b\":2}"));
  CHECK(doc.repaired());
  CHECK(doc.root()["a"].string() == "x\xEF\xBF\xBDy");
  CHECK(doc.root()["b"].integer() == 2);
  REQUIRE(doc.parse(R"(["\ud83d","\ude00 x","\ud83d\ud83d\ude00","\\ud83d","\uD83Dz"])"));
  CHECK(doc.root().at(0).string() == "\xEF\xBF\xBD");
  CHECK(doc.root().at(1).string() == "\xEF\xBF\xBD x");
  CHECK(doc.root().at(2).string() == "\xEF\xBF\xBD\xF0\x9F\x98\x80");
  CHECK(doc.root().at(3).string() == "\\ud83d");
  CHECK(doc.root().at(4).string() == "\xEF\xBF\xBDz");
}

TEST_CASE("written JSON reads back", "[json]") {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object()
      .member("s", std::string_view("q\" b\\ n\n c\x01 \xC3\xA9"))
      .member("i", 3)
      .member("d", 0.1)
      .member("w", 2.0)
      .member("t", true)
      .key("l")
      .begin_array()
      .null()
      .string("x")
      .raw("{\"y\": [1]}", "l[2]")
      .base64("data:;base64,", "hello")
      .begin_object()
      .end_object()
      .end_array()
      .end_object();
  CHECK(
      out ==
      R"({"s":"q\" b\\ n\n c\u0001 é","i":3,"d":0.1,"w":2,"t":true,"l":[null,"x",{"y": [1]},"data:;base64,aGVsbG8=",{}]})");
  CHECK(writer.fault().empty());
  JsonDoc doc;
  REQUIRE(doc.parse(out));
  CHECK(doc.root()["s"].string() == "q\" b\\ n\n c\x01 \xC3\xA9");
}

TEST_CASE("a list of texts is written as an array of strings", "[json]") {
  std::string out;
  JsonWriter writer(out);
  const std::vector<std::string_view> views = {"a\n", "b"};
  const std::vector<std::string> strings = {"c"};
  writer.begin_object().member("views", views).member("strings", strings).member("none", std::vector<std::string>());
  writer.end_object();
  CHECK(out == R"({"views":["a\n","b"],"strings":["c"],"none":[]})");
  CHECK(writer.fault().empty());
}

TEST_CASE("a list of texts names the member whose text is wrong", "[json]") {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("stop", std::vector<std::string>{"a", "\xFF"}).end_object();
  CHECK(writer.fault() == "stop is not UTF-8");
  CHECK(out == R"({"stop":["a",null]})");
}

TEST_CASE("extra members are merged, and win", "[json]") {
  const auto merged = [](std::string_view extra) {
    std::string out = "[";
    JsonWriter writer(out);
    writer.begin_object().member("a", 1).member("b", 2).end_object(extra, "extra");
    return writer.fault().empty() ? out : writer.fault();
  };
  CHECK(merged("") == R"([{"a":1,"b":2})");
  CHECK(merged(R"( {"c": {"d":1.50}} )") == R"([{"a":1,"b":2,"c":{"d":1.50}})");
  CHECK(merged(R"({"a":9})") == R"([{"b":2,"a":9})");
  CHECK(merged(R"({"a":9,"b":8})") == R"([{"a":9,"b":8})");
  CHECK(merged("[1]") == "extra is not a JSON object");
  CHECK(merged("{").starts_with("extra is not JSON: "));
}

TEST_CASE("what cannot be written is reported", "[json]") {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object()
      .member("user", std::string_view("\xFF"))
      .key("schema")
      .raw("{]", "tools[0].parameters")
      .end_object();
  CHECK(writer.fault() == "user is not UTF-8");
  CHECK(out == R"({"user":null,"schema":null})");
}
