#include "wire/json.hpp"

#include <charconv>
#include <cmath>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

JsonValue JsonDoc::root() const noexcept { return nodes_.empty() ? JsonValue() : JsonValue(this, 0); }

std::string_view JsonDoc::characters(const Node& node) const noexcept {
  if (node.decoded == kInText) return {text_.data() + node.begin + 1, node.count};
  return {decoded_.data() + node.decoded, node.count};
}

bool JsonValue::is(JsonKind kind) const noexcept { return doc_ != nullptr && doc_->nodes_[index_].kind == kind; }

JsonValue JsonValue::operator[](std::string_view name) const noexcept {
  if (!is_object()) return {};
  const JsonDoc::Node* const nodes = doc_->nodes_.data();
  const std::uint32_t end = nodes[index_].after;
  for (std::uint32_t i = index_ + 1; i < end; i = nodes[i + 1].after)
    if (nodes[i].count == name.size() && doc_->characters(nodes[i]) == name) return {doc_, i + 1};
  return {};
}

JsonValue JsonValue::at(std::size_t place) const noexcept {
  if (!is_array() || place >= doc_->nodes_[index_].count) return {};
  std::uint32_t i = index_ + 1;
  while (place-- > 0) i = doc_->nodes_[i].after;
  return {doc_, i};
}

std::size_t JsonValue::size() const noexcept {
  if (!is_array() && !is_object()) return 0;
  return doc_->nodes_[index_].count;
}

JsonItems JsonValue::items() const noexcept {
  JsonItems items;
  if (!is_array()) return items;
  items.doc_ = doc_;
  items.first_ = index_ + 1;
  items.last_ = doc_->nodes_[index_].after;
  return items;
}

JsonMembers JsonValue::members() const noexcept {
  JsonMembers members;
  if (!is_object()) return members;
  members.doc_ = doc_;
  members.first_ = index_ + 1;
  members.last_ = doc_->nodes_[index_].after;
  return members;
}

JsonItems::Iterator& JsonItems::Iterator::operator++() noexcept {
  index_ = doc_->nodes_[index_].after;
  return *this;
}

JsonMember JsonMembers::Iterator::operator*() const noexcept {
  return {doc_->characters(doc_->nodes_[index_]), {doc_, index_ + 1}};
}

JsonMembers::Iterator& JsonMembers::Iterator::operator++() noexcept {
  index_ = doc_->nodes_[index_ + 1].after;
  return *this;
}

std::string_view JsonValue::string() const noexcept {
  return is_string() ? doc_->characters(doc_->nodes_[index_]) : std::string_view{};
}

std::string_view JsonValue::string_or_number() const noexcept { return is_number() ? raw() : string(); }

std::optional<std::string_view> JsonValue::optional_string() const noexcept {
  return is_string() ? std::optional(string()) : std::nullopt;
}

std::optional<double> JsonValue::number() const noexcept {
  if (!is_number()) return std::nullopt;
  const std::string_view text = raw();
  double value = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const noexcept {
  if (!is_number()) return std::nullopt;
  const std::string_view text = raw();
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  if (const auto [stop, fault] = std::from_chars(text.data(), end, value); fault == std::errc() && stop == end) {
    return value;
  }
  const std::optional<double> real = number();
  constexpr double kLimit = 9'007'199'254'740'992.0;  // 2^53: above it a double no longer tells neighbours apart
  if (!real || std::abs(*real) > kLimit || std::trunc(*real) != *real) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<bool> JsonValue::boolean() const noexcept {
  return is_boolean() ? std::optional(raw() == "true") : std::nullopt;
}

std::string_view JsonValue::raw() const noexcept {
  if (doc_ == nullptr) return {};
  const JsonDoc::Node& node = doc_->nodes_[index_];
  return doc_->text_.substr(node.begin, node.end - node.begin);
}

std::size_t JsonValue::offset() const noexcept { return doc_ == nullptr ? 0 : doc_->nodes_[index_].begin; }

}  // namespace detail
KEYWHEEL_END_NAMESPACE
