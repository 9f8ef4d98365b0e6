#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/transport.hpp>

#include "providers/gemini_arguments.hpp"
#include "providers/json_decoder.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Reads the answers of generateContent and streamGenerateContent, as server-sent events, as an array, or as one
/// object. https://ai.google.dev/api/generate-content
///
/// A piece that carries a finish reason need not be the last, and no piece says that it is: the finish comes when the
/// body has ended. Metadata beside the parts (grounding, citations, safety ratings) goes to EventSink::extra().
class GeminiDecoder final : public JsonDecoder {
 public:
  /// `nonce` makes the ids of function calls that come without one.
  GeminiDecoder(const Bounds& bounds, std::uint64_t nonce) : JsonDecoder(bounds), nonce_(nonce) {}

 private:
  struct Candidate {
    int index = 0;
    int calls = 0;
    std::string finish{};
    std::string finish_message{};
    GeminiArguments arguments{};
    bool collecting = false;  ///< the last call's arguments come in pieces
  };

  std::optional<Failure> frame(JsonValue root, std::string_view event, EventSink& sink) override;
  std::optional<Failure> end(bool cut, EventSink& sink) override;

  std::optional<Failure> candidate(JsonValue value, int place, EventSink& sink);
  std::optional<Failure> part(Candidate& of, JsonValue value, EventSink& sink);
  std::optional<Failure> function_call(Candidate& of, JsonValue call, std::string_view signature, EventSink& sink);
  void end_call(Candidate& of, EventSink& sink);
  std::optional<Failure> finish_candidate(Candidate& of, EventSink& sink);
  void usage(JsonValue metadata, EventSink& sink);
  void start(EventSink& sink);
  void keep(std::string_view name, JsonValue value);
  [[nodiscard]] Failure blocked() const;

  std::uint64_t nonce_;
  std::vector<Candidate> candidates_{};
  std::map<std::string, std::string, std::less<>> extras_{};
  Usage usage_{};
  std::string id_{};
  std::string model_{};
  std::string block_reason_{};
  std::string block_message_{};
  bool started_ = false;
  bool delivered_ = false;     ///< something of an answer has come
  bool prompt_given_ = false;  ///< the count of the prompt's tokens was handed on
  bool answered_ = false;      ///< the body is Gemini's
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
