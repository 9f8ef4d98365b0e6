#include "support/dialect.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "support/json.hpp"

namespace keywheel::testing {
namespace {

std::string arguments_for(const OfferedTool& tool, std::string_view prompt) {
  return to_json([&](JsonWriter& out) {
    out.StartObject();
    for (const OfferedTool::Property& property : tool.properties) {
      key(out, property.name);
      if (property.type == "integer" || property.type == "number") {
        out.Int(1);
      } else if (property.type == "boolean") {
        out.Bool(true);
      } else if (property.type == "array") {
        out.StartArray();
        out.EndArray();
      } else if (property.type == "object") {
        out.StartObject();
        out.EndObject();
      } else {
        string(out, prompt);
      }
    }
    out.EndObject();
  });
}

/// FNV-1a, so that it is the same everywhere.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::vector<float> embedding_of(std::string_view input, std::int64_t dimensions) {
  std::vector<float> vector(static_cast<std::size_t>(std::clamp<std::int64_t>(dimensions, 1, 4096)));
  std::uint64_t state = hash_of(input);
  for (float& value : vector) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<float>(state >> 40U) / 16777216.0F;
  }
  return vector;
}

void keep_words(Answer& answer, std::int64_t words) {
  if (static_cast<std::int64_t>(answer.words.size()) <= words) return;
  answer.words.resize(static_cast<std::size_t>(std::max<std::int64_t>(words, 0)));
  answer.cut_short = true;
}

}  // namespace

std::string Answer::text() const {
  std::string text;
  for (const std::string& word : words) text += word;
  return text;
}

std::vector<std::string> in_words(std::string_view text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find_first_not_of(" \n\t", begin);
    end = end == std::string_view::npos ? text.size() : text.find_first_of(" \n\t", end);
    end = std::min(end, text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::int64_t count_words(std::string_view text) noexcept {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    words += !space && !inside ? 1 : 0;
    inside = !space;
  }
  return words;
}

Answer compose_answer(const Ask& ask, std::uint64_t number) {
  Answer answer{.id = fmt::format("answer-{}", number), .model = ask.model};
  if (ask.kind == Ask::Kind::listing || ask.kind == Ask::Kind::token) return answer;
  if (ask.kind == Ask::Kind::embedding) {
    for (const std::string& input : ask.inputs) {
      answer.embeddings.push_back(embedding_of(input, ask.dimensions > 0 ? ask.dimensions : 8));
      answer.prompt_tokens += count_words(input);
    }
    return answer;
  }
  answer.prompt_tokens = count_words(ask.context);
  if (ask.tool_result) {
    answer.words = in_words("The tool said: " + *ask.tool_result);
  } else if (!ask.tools.empty()) {
    for (const OfferedTool& tool : ask.tools) {
      answer.tool_calls.push_back(
          {fmt::format("call_{}", answer.tool_calls.size() + 1), tool.name, arguments_for(tool, ask.prompt)});
      answer.completion_tokens += 1 + count_words(answer.tool_calls.back().arguments);
    }
  } else {
    std::string text = "You said: " + ask.prompt;
    for (const std::string& image : ask.images) text += fmt::format(" [{}]", image);
    answer.words = in_words(text);
  }
  if (ask.max_tokens) keep_words(answer, *ask.max_tokens);
  answer.completion_tokens += count_words(answer.text());
  return answer;
}

}  // namespace keywheel::testing
