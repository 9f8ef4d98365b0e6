#include "providers/gemini_arguments.hpp"

#include <charconv>

#include "wire/json_writer.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kDeepest = 64;

}  // namespace

bool GeminiArguments::add(JsonValue piece) {
  Node* node = find(piece["jsonPath"].string());
  if (node == nullptr) return false;
  if (const JsonValue text = piece["stringValue"]; text.is_string()) {
    if (node->kind != Kind::nothing && node->kind != Kind::string) return false;
    node->kind = Kind::string;
    node->text += text.string();
    return true;
  }
  if (node->kind != Kind::nothing) return false;
  for (const std::string_view name : {"numberValue", "boolValue"}) {
    if (const JsonValue value = piece[name]; value.is_number() || value.is_boolean()) {
      node->kind = Kind::scalar;
      node->text = value.raw();
      return true;
    }
  }
  if (!piece["nullValue"].exists()) return true;  // a piece that only says that more will come
  node->kind = Kind::scalar;
  node->text = "null";
  return true;
}

// "$.recipe.ingredients[0].name", and "$['a name']" for what cannot stand behind a dot.
GeminiArguments::Node* GeminiArguments::find(std::string_view path) {
  if (!path.starts_with('$')) return nullptr;
  path.remove_prefix(1);
  Node* node = &root_;
  for (std::size_t depth = 0; node != nullptr && !path.empty(); ++depth) {
    if (depth == kDeepest) return nullptr;
    if (path.front() == '.') {
      path.remove_prefix(1);
      const std::string_view name = path.substr(0, path.find_first_of(".["));
      if (name.empty()) return nullptr;
      path.remove_prefix(name.size());
      node = member(*node, name);
      continue;
    }
    if (path.size() < 3 || path.front() != '[') return nullptr;
    path.remove_prefix(1);
    if (const char quote = path.front(); quote == '\'' || quote == '"') {
      const std::size_t end = path.find(quote, 1);
      if (end == std::string_view::npos || path.substr(end + 1, 1) != "]") return nullptr;
      node = member(*node, path.substr(1, end - 1));
      path.remove_prefix(end + 2);
      continue;
    }
    std::size_t place = 0;
    const char* const stop = path.data() + path.size();
    const auto [at, fault] = std::from_chars(path.data(), stop, place);
    if (fault != std::errc() || at == stop || *at != ']') return nullptr;
    node = element(*node, place);
    path.remove_prefix(static_cast<std::size_t>(at - path.data()) + 1);
  }
  return node;
}

GeminiArguments::Node* GeminiArguments::member(Node& node, std::string_view name) {
  if (node.kind == Kind::nothing) node.kind = Kind::object;
  if (node.kind != Kind::object) return nullptr;
  for (auto& [key, child] : node.children) {
    if (key == name) return &child;
  }
  if (++nodes_ > kMostNodes) return nullptr;
  return &node.children.emplace_back(std::string(name), Node{}).second;
}

GeminiArguments::Node* GeminiArguments::element(Node& node, std::size_t place) {
  if (node.kind == Kind::nothing) node.kind = Kind::array;
  if (node.kind != Kind::array || place > kMostNodes) return nullptr;
  while (node.children.size() <= place) {
    if (++nodes_ > kMostNodes) return nullptr;
    node.children.emplace_back(std::string(), Node{});
  }
  return &node.children[place].second;
}

std::string GeminiArguments::json() const {
  std::string out;
  write(root_, out);
  return out;
}

void GeminiArguments::write(const Node& node, std::string& out) {
  switch (node.kind) {
    case Kind::nothing:
      out += "null";
      return;
    case Kind::scalar:
      out += node.text;
      return;
    case Kind::string:
      append_json_string(out, node.text);
      return;
    case Kind::object:
    case Kind::array:
      break;
  }
  const bool object = node.kind == Kind::object;
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& [key, child] : node.children) {
    if (!first) out += ',';
    first = false;
    if (object) {
      append_json_string(out, key);
      out += ':';
    }
    write(child, out);
  }
  out += object ? '}' : ']';
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
