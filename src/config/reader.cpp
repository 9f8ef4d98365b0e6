#include "config/reader.hpp"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "config/rotation.hpp"
#include "config/wiped_string.hpp"
#include "config/wording.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Reader::Step::Step(Reader& reader, std::string_view key) : reader_(reader), length_(reader.path_.size()) {
  reader.path_ = reader.path_to(key);
}

Reader::Step::Step(Reader& reader, std::size_t index) : reader_(reader), length_(reader.path_.size()) {
  reader.path_ += fmt::format("[{}]", index);
}

std::string Reader::path_to(std::string_view key) const {
  constexpr std::size_t kLongestKey = 64;
  std::string shown(key.substr(0, kLongestKey));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return path_.empty() ? shown : fmt::format("{}.{}", path_, shown);
}

void Reader::fault(const JsonNode& at, std::string text) { faults.push_back({at.offset, path_, std::move(text)}); }

void Reader::warn(std::string text) {
  warnings.push_back(path_.empty() ? std::move(text) : fmt::format("{}: {}", path_, text));
}

void Reader::unknown_key(const JsonNode& value, std::span<const std::string_view> known) {
  warn(fmt::format("unknown key, not used{}", did_you_mean(value.key, known)));
}

void Reader::not_used(const JsonNode&, std::string_view note) { warn(fmt::format("not used: {}", note)); }

void Reader::given_twice(const JsonNode& value, std::string_view first) {
  fault(value, fmt::format("another name for {}, which is given too; expected one of the two", quoted(first)));
}

bool Reader::expect(const JsonNode& value, JsonNode::Type type, std::string_view expected) {
  if (value.type == type) return true;
  const std::string_view hint =
      type == JsonNode::Type::number && value.type == JsonNode::Type::string ? " (without quotes)" : "";
  fault(value,
        fmt::format("expected {}{}, came {}", expected.empty() ? describe(type) : expected, hint,
                    value.type == JsonNode::Type::boolean ? (value.boolean ? "true" : "false") : describe(value.type)));
  return false;
}

void Reader::read(const JsonNode& value, bool& into) {
  if (expect(value, JsonNode::Type::boolean)) into = value.boolean;
}

void Reader::read(const JsonNode& value, double& into) {
  if (expect(value, JsonNode::Type::number)) into = value.number;
}

void Reader::read(const JsonNode& value, std::int64_t& into) {
  if (!expect(value, JsonNode::Type::number, "a whole number")) return;
  if (value.integer) {
    into = *value.integer;
  } else {
    fault(value, fmt::format("expected a whole number below 2^63, came {}", value.number));
  }
}

void Reader::read(const JsonNode& value, Secret& into) {
  if (!expect(value, JsonNode::Type::string)) return;
  if (std::optional<Secret> text = expand(value)) into = std::move(*text);
}

void Reader::read(const JsonNode& value, std::string& into) {
  if (!expect(value, JsonNode::Type::string)) return;
  if (value.text.find('$') == std::string_view::npos) {
    into = value.text;
  } else if (const std::optional<Secret> text = expand(value)) {
    into = text->reveal();
  }
}

void Reader::read(const JsonNode& value, std::chrono::milliseconds& into) {
  if (!expect(value, JsonNode::Type::number, "a number of seconds")) return;
  constexpr double kMostSeconds = 1e9;  // some thirty years, far from where adding to a clock overflows
  if (std::abs(value.number) > kMostSeconds) {
    fault(value, fmt::format("expected at most {:.0f} seconds, came {}", kMostSeconds, value.number));
    return;
  }
  const double milliseconds = value.number * 1000;
  // A time that is not zero must not become zero, which means something else.
  into = std::chrono::milliseconds(
      static_cast<std::int64_t>(milliseconds > 0 && milliseconds < 1 ? 1 : std::round(milliseconds)));
}

void Reader::read(const JsonNode& value, Rotation& into) {
  if (!expect(value, JsonNode::Type::string)) return;
  std::string text;
  const std::size_t before = faults.size();
  read(value, text);
  if (faults.size() != before) return;
  if (const std::optional<Rotation> rotation = parse_rotation(text)) {
    into = *rotation;
    return;
  }
  constexpr std::string_view kNames[] = {"first",      "random",     "round_robin",    "hash",
                                         "least_busy", "least_used", "lowest_latency", "lowest_cost"};
  fault(value, fmt::format("expected first, random, round_robin, hash, least_busy, least_used, lowest_latency or "
                           "lowest_cost, came {}{}",
                           quoted(value.text), did_you_mean(value.text, kNames)));
}

void Reader::read(const JsonNode& value, std::vector<std::string>& into) {
  if (!expect(value, JsonNode::Type::array, "a list of strings")) return;
  for (std::size_t i = 0; i < value.children.size(); ++i) {
    const Step step(*this, i);
    std::string text;
    read(value.children[i], text);
    if (const std::string_view kept = trimmed(text); !kept.empty()) into.emplace_back(kept);
  }
}

void Reader::read(const JsonNode& value, std::map<std::string, std::string>& into) {
  if (!expect(value, JsonNode::Type::object)) return;
  for (const JsonNode& child : value.children) {
    const Step step(*this, child.key);
    if (child.type != JsonNode::Type::null) read(child, into[std::string(child.key)]);
  }
}

void Reader::read(const JsonNode& value, std::map<std::string, double>& into) {
  if (!expect(value, JsonNode::Type::object)) return;
  for (const JsonNode& child : value.children) {
    const Step step(*this, child.key);
    if (child.type != JsonNode::Type::null) read(child, into[std::string(child.key)]);
  }
}

std::optional<Secret> Reader::expand(const JsonNode& value) {
  const std::string_view text = value.text;
  // Pieces of the text and of the environment, gathered first, so that the result is allocated once.
  std::vector<std::string_view> pieces;
  bool complete = true;
  std::size_t from = 0;
  for (std::size_t dollar = text.find('$'); dollar != std::string_view::npos; dollar = text.find('$', dollar + 1)) {
    if (text.substr(dollar, 3) == "$${") {
      pieces.push_back(text.substr(from, dollar - from));
      from = ++dollar;  // the second dollar is kept, and what follows it is text
      continue;
    }
    if (text.substr(dollar, 2) != "${") continue;
    const std::size_t end = text.find('}', dollar);
    const std::string name(text.substr(dollar + 2, end == std::string_view::npos ? 0 : end - dollar - 2));
    if (!is_variable_name(name)) {
      fault(
          value,
          "\"${\" is not followed by the name of an environment variable and \"}\"; write \"$${\" for the characters");
      return std::nullopt;
    }
    if (dollar == 0 && end + 1 == text.size() && std::getenv(name.c_str()) != nullptr) return env(name.c_str());
    if (const char* found = std::getenv(name.c_str()); found != nullptr) {
      pieces.push_back(text.substr(from, dollar - from));
      pieces.emplace_back(found);
    } else {
      complete = false;
      const std::string message = fmt::format("the environment variable {} is not set", name);
      lenient_ ? warn(message) : fault(value, message);
    }
    from = end + 1;
    dollar = end;
  }
  if (!complete) return std::nullopt;
  if (pieces.empty()) return Secret(text);
  pieces.push_back(text.substr(from));
  std::size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  WipedString whole(size);
  for (const std::string_view piece : pieces) whole.append(piece);
  return Secret(whole.view());
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
