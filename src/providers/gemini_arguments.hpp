#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywheel/version.hpp>

#include "wire/json.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The arguments of a function call that Gemini streams value by value (`partialArgs`: a JSON path and a piece of the
/// value there), put together to one JSON object.
/// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
class GeminiArguments {
 public:
  /// One element of `partialArgs`. False: its path or its value is none, or it is too much.
  [[nodiscard]] bool add(JsonValue piece);
  /// What has come, as JSON.
  [[nodiscard]] std::string json() const;
  void clear() noexcept { root_ = Node{Kind::object, {}, {}}; }

 private:
  enum class Kind : std::uint8_t { nothing, scalar, string, object, array };
  struct Node {
    Kind kind = Kind::nothing;
    std::string text{};  ///< a scalar's JSON, a string's characters
    std::vector<std::pair<std::string, Node>> children{};
  };

  [[nodiscard]] Node* find(std::string_view path);
  Node* member(Node& node, std::string_view name);
  Node* element(Node& node, std::size_t place);
  static void write(const Node& node, std::string& out);

  Node root_{Kind::object, {}, {}};
  std::size_t nodes_ = 0;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
