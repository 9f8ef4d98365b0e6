#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>

namespace keywheel::testing {

/// One thing that a ChatRequest can say.
struct RequestField {
  using Change = std::function<void(ChatRequest&)>;

  std::string_view what;    ///< for the reader of a failure
  std::string_view name;    ///< stands in an error or a warning about it
  std::string_view mark;    ///< stands in the request that says it; empty: the request differs from one that does not
  Change set;               ///< says it
  Change before = nullptr;  ///< what it needs around it, said also where it is not
  /// The interface promises that it is sent where the provider has a place for it, and is no error where not: who must
  /// have one ("claude gemini"; "-": nobody must). Empty: it is sent, refused or warned of.
  std::string_view hint_for{};
};

/// All of ChatRequest that is sent, one at a time.
[[nodiscard]] std::vector<RequestField> request_fields();

}  // namespace keywheel::testing
