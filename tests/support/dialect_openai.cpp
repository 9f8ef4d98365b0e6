#include "support/dialect_openai.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "support/dialect_base.hpp"
#include "support/json.hpp"

namespace keywheel::testing {
namespace {

using std::chrono::nanoseconds;

/// A duration as OpenAI's headers have it: "6m0s", "1.5s", "20ms".
/// https://platform.openai.com/docs/guides/rate-limits
std::string go_duration(nanoseconds duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return fmt::format("{}ms", std::max<std::int64_t>(ms, 0));
  const std::string seconds =
      ms % 1000 == 0 ? fmt::format("{}s", ms / 1000 % 60) : fmt::format("{}.{:03}s", ms / 1000 % 60, ms % 1000);
  return ms < 60'000 ? seconds : fmt::format("{}m{}", ms / 60'000, seconds);
}

void add_rate_headers(Reply& reply, const RateState& rate) {
  reply.headers.push_back({"x-ratelimit-limit-requests", fmt::format("{}", rate.limit)});
  reply.headers.push_back({"x-ratelimit-remaining-requests", fmt::format("{}", rate.remaining)});
  reply.headers.push_back({"x-ratelimit-reset-requests", go_duration(rate.reset)});
}

Fault bad_request(std::string message) { return {.kind = Fault::Kind::bad_request, .message = std::move(message)}; }

std::optional<Fault> read_chat(const rapidjson::Value& body, Ask& ask) {
  std::vector<Turn> turns;
  std::optional<std::string> wrong = read_openai_turns(body, turns);
  if (!wrong) wrong = take_turns(turns, ask);
  if (!wrong) wrong = read_openai_tools(body, ask);
  if (wrong) return bad_request(*std::move(wrong));
  ask.stream = true_member(body, "stream");
  if (ask.stream) {
    const rapidjson::Value* options = member(body, "stream_options");
    ask.usage_in_stream = options != nullptr && true_member(*options, "include_usage");
  }
  std::optional<double> max_tokens = number_member(body, "max_completion_tokens");
  if (!max_tokens) max_tokens = number_member(body, "max_tokens");
  if (max_tokens) ask.max_tokens = static_cast<std::int64_t>(*max_tokens);
  ask.answers = static_cast<int>(std::clamp(number_member(body, "n").value_or(1), 1.0, 16.0));
  return std::nullopt;
}

std::optional<Fault> read_embedding(const rapidjson::Value& body, Ask& ask) {
  const rapidjson::Value* input = member(body, "input");
  if (input != nullptr && input->IsString()) {
    ask.inputs.emplace_back(view(*input));
  } else if (input != nullptr && input->IsArray()) {
    for (const rapidjson::Value& one : input->GetArray()) {
      if (one.IsString()) ask.inputs.emplace_back(view(one));
    }
  }
  if (ask.inputs.empty()) return bad_request("Missing required parameter: 'input'.");
  if (ask.inputs.size() > 2048) return bad_request("'$.input' is invalid. Arrays may hold at most 2048 items.");
  ask.dimensions = static_cast<std::int64_t>(number_member(body, "dimensions").value_or(0));
  return std::nullopt;
}

void write_usage(JsonWriter& out, const Answer& answer) {
  out.StartObject();
  key(out, "prompt_tokens");
  out.Int64(answer.prompt_tokens);
  key(out, "completion_tokens");
  out.Int64(answer.completion_tokens);
  key(out, "total_tokens");
  out.Int64(answer.prompt_tokens + answer.completion_tokens);
  out.EndObject();
}

void write_tool_call(JsonWriter& out, const AskedTool& call, std::optional<int> index) {
  out.StartObject();
  if (index) {
    key(out, "index");
    out.Int(*index);
  }
  string(out, "id", call.id);
  string(out, "type", "function");
  key(out, "function");
  out.StartObject();
  string(out, "name", call.name);
  string(out, "arguments", index ? std::string_view{} : call.arguments);
  out.EndObject();
  out.EndObject();
}

std::string_view finish_reason(const Answer& answer) {
  if (!answer.tool_calls.empty()) return "tool_calls";
  return answer.cut_short ? "length" : "stop";
}

void write_head(JsonWriter& out, const Answer& answer, std::string_view object) {
  string(out, "id", "chatcmpl-" + answer.id);
  string(out, "object", object);
  key(out, "created");
  out.Int64(answer.created);
  string(out, "model", answer.model);
}

std::string unary_body(const Ask& ask, const Answer& answer) {
  return to_json([&](JsonWriter& out) {
    out.StartObject();
    write_head(out, answer, "chat.completion");
    key(out, "choices");
    out.StartArray();
    for (int i = 0; i < ask.answers; ++i) {
      out.StartObject();
      key(out, "index");
      out.Int(i);
      key(out, "message");
      out.StartObject();
      string(out, "role", "assistant");
      key(out, "content");
      if (answer.tool_calls.empty()) {
        string(out, answer.text());
      } else {
        out.Null();
        key(out, "tool_calls");
        out.StartArray();
        for (const AskedTool& call : answer.tool_calls) write_tool_call(out, call, std::nullopt);
        out.EndArray();
      }
      out.EndObject();
      string(out, "finish_reason", finish_reason(answer));
      out.EndObject();
    }
    out.EndArray();
    key(out, "usage");
    write_usage(out, answer);
    out.EndObject();
  });
}

/// Writes the events of a stream. `delta` writes the members of one choice's delta.
class ChunkList {
 public:
  explicit ChunkList(const Answer& answer) : answer_(answer) {}

  template <class F>
  void add(int choice, std::string_view finish, F&& delta) {
    push([&](JsonWriter& out) {
      key(out, "choices");
      out.StartArray();
      out.StartObject();
      key(out, "index");
      out.Int(choice);
      key(out, "delta");
      out.StartObject();
      delta(out);
      out.EndObject();
      key(out, "finish_reason");
      if (finish.empty()) {
        out.Null();
      } else {
        string(out, finish);
      }
      out.EndObject();
      out.EndArray();
    });
  }

  void add_usage() {
    push([&](JsonWriter& out) {
      key(out, "choices");
      out.StartArray();
      out.EndArray();
      key(out, "usage");
      write_usage(out, answer_);
    });
  }

  std::vector<std::string> take() {
    events_.emplace_back("data: [DONE]\n\n");
    return std::move(events_);
  }

 private:
  template <class F>
  void push(F&& rest) {
    events_.push_back("data: " + to_json([&](JsonWriter& out) {
                        out.StartObject();
                        write_head(out, answer_, "chat.completion.chunk");
                        rest(out);
                        out.EndObject();
                      }) +
                      "\n\n");
  }

  const Answer& answer_;
  std::vector<std::string> events_{};
};

void add_tool_call(ChunkList& chunks, int choice, int index, const AskedTool& call) {
  chunks.add(choice, {}, [&](JsonWriter& out) {
    key(out, "tool_calls");
    out.StartArray();
    write_tool_call(out, call, index);
    out.EndArray();
  });
  // In two halves: arguments never come whole.
  const std::size_t middle = call.arguments.size() / 2;
  for (const std::string& half : {call.arguments.substr(0, middle), call.arguments.substr(middle)}) {
    chunks.add(choice, {}, [&](JsonWriter& out) {
      key(out, "tool_calls");
      out.StartArray();
      out.StartObject();
      key(out, "index");
      out.Int(index);
      key(out, "function");
      out.StartObject();
      string(out, "arguments", half);
      out.EndObject();
      out.EndObject();
      out.EndArray();
    });
  }
}

std::vector<std::string> stream_events(const Ask& ask, const Answer& answer) {
  ChunkList chunks(answer);
  for (int choice = 0; choice < ask.answers; ++choice) {
    chunks.add(choice, {}, [](JsonWriter& out) {
      string(out, "role", "assistant");
      string(out, "content", "");
    });
    for (const std::string& word : answer.words) {
      chunks.add(choice, {}, [&](JsonWriter& out) { string(out, "content", word); });
    }
    int index = 0;
    for (const AskedTool& call : answer.tool_calls) add_tool_call(chunks, choice, index++, call);
    chunks.add(choice, finish_reason(answer), [](JsonWriter&) {});
  }
  if (ask.usage_in_stream) chunks.add_usage();
  return chunks.take();
}

std::string embedding_body(const Answer& answer) {
  return to_json([&](JsonWriter& out) {
    out.StartObject();
    string(out, "object", "list");
    key(out, "data");
    out.StartArray();
    int index = 0;
    for (const std::vector<float>& vector : answer.embeddings) {
      out.StartObject();
      string(out, "object", "embedding");
      key(out, "index");
      out.Int(index++);
      key(out, "embedding");
      out.StartArray();
      for (const float value : vector) out.Double(static_cast<double>(value));
      out.EndArray();
      out.EndObject();
    }
    out.EndArray();
    string(out, "model", answer.model);
    key(out, "usage");
    write_usage(out, answer);
    out.EndObject();
  });
}

std::string listing_body(const Answer& answer) {
  return to_json([&](JsonWriter& out) {
    out.StartObject();
    string(out, "object", "list");
    key(out, "data");
    out.StartArray();
    for (const std::string& model : answer.models) {
      out.StartObject();
      string(out, "id", model);
      string(out, "object", "model");
      key(out, "created");
      out.Int64(1'700'000'000);
      string(out, "owned_by", "loopback");
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
  });
}

/// How OpenAI words a refusal. https://platform.openai.com/docs/guides/error-codes
struct Wording {
  Fault::Kind kind;
  int status;
  std::string_view type;
  std::string_view code;  // empty: null
  std::string_view message;
};
constexpr std::array<Wording, 12> kWordings{{
    {Fault::Kind::no_key, 401, "invalid_request_error", "",
     "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth."},
    {Fault::Kind::invalid_key, 401, "invalid_request_error", "invalid_api_key",
     "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."},
    {Fault::Kind::rate_limited, 429, "requests", "rate_limit_exceeded", "Rate limit reached."},
    {Fault::Kind::quota_exhausted, 429, "insufficient_quota", "insufficient_quota",
     "You exceeded your current quota, please check your plan and billing details."},
    {Fault::Kind::forbidden, 403, "invalid_request_error", "unsupported_country_region_territory",
     "Country, region, or territory not supported"},
    {Fault::Kind::bad_request, 400, "invalid_request_error", "", "The request is malformed."},
    {Fault::Kind::context_length, 400, "invalid_request_error", "context_length_exceeded",
     "This model's maximum context length is 8192 tokens. Please reduce the length of the messages."},
    {Fault::Kind::content_filter, 400, "invalid_request_error", "content_policy_violation",
     "Your request was rejected as a result of our safety system."},
    {Fault::Kind::not_found, 404, "invalid_request_error", "unknown_url", "Invalid URL"},
    {Fault::Kind::unknown_model, 404, "invalid_request_error", "model_not_found",
     "The model does not exist or you do not have access to it."},
    {Fault::Kind::overloaded, 503, "server_error", "", "The server is currently overloaded, please try again later."},
    {Fault::Kind::server_error, 500, "server_error", "",
     "The server had an error while processing your request. Sorry about that!"},
}};

const Wording& wording(Fault::Kind kind) {
  return *std::find_if(kWordings.begin(), kWordings.end() - 1, [&](const Wording& w) { return w.kind == kind; });
}

std::string fault_message(const Fault& fault, const Wording& words, const Ask& ask) {
  if (!fault.message.empty()) return fault.message;
  if (fault.kind == Fault::Kind::rate_limited && fault.rate) {
    return fmt::format(
        "Rate limit reached for {} in organization org-loopback on requests per min (RPM): Limit {}, Used {}, "
        "Requested 1. Please try again in {}.",
        ask.model, fault.rate->limit, fault.rate->limit - fault.rate->remaining, go_duration(fault.rate->reset));
  }
  return std::string(words.message);
}

class OpenAiDialect : public Dialect {
 public:
  /// `refusals` empty: as OpenAI words them. `stream_options`: it knows them; else usage always comes.
  explicit OpenAiDialect(std::span<const Refusal> refusals, bool stream_options = true)
      : refusals_(refusals), stream_options_(stream_options) {}

  bool takes(const ReceivedRequest& request) const override {
    const std::string_view path = request.path();
    return path.ends_with("/chat/completions") || path.ends_with("/text/chatcompletion_v2") ||
           path.ends_with("/embeddings") || path.ends_with("/models");
  }

  std::string key(const ReceivedRequest& request) const override {
    std::string key = bearer_of(request);
    return key.empty() ? std::string(request.find("api-key")) : key;
  }

  std::optional<Fault> read(const ReceivedRequest& request, Ask& ask) const override {
    if (request.path().ends_with("/models")) {
      ask.kind = Ask::Kind::listing;
      return std::nullopt;
    }
    const rapidjson::Document body = parse_json(request.body);
    if (!body.IsObject()) return bad_request("We could not parse the JSON body of your request.");
    ask.model = string_member(body, "model");
    if (request.path().ends_with("/embeddings")) {
      ask.kind = Ask::Kind::embedding;
      return read_embedding(body, ask);
    }
    if (stream_options_) return read_chat(body, ask);
    if (member(body, "stream_options") != nullptr) return bad_request("Extra inputs are not permitted: stream_options");
    std::optional<Fault> fault = read_chat(body, ask);
    ask.usage_in_stream = true;
    return fault;
  }

  Reply answer(const Ask& ask, const Answer& answer, const std::optional<RateState>& rate) const override {
    Reply reply = body_of(ask, answer);
    reply.headers.push_back({"x-request-id", "req_" + answer.id});
    if (rate) add_rate_headers(reply, *rate);
    return reply;
  }

  Reply refuse(const Fault& fault, const Ask& ask) const override {
    if (!refusals_.empty()) return refusal_reply(refusals_, fault, ask);
    const Wording& words = wording(fault.kind);
    Reply reply = Reply::json(fault.status != 0 ? fault.status : words.status, to_json([&](JsonWriter& out) {
                                out.StartObject();
                                testing::key(out, "error");
                                out.StartObject();
                                string(out, "message", fault_message(fault, words, ask));
                                string(out, "type", words.type);
                                testing::key(out, "param");
                                out.Null();
                                testing::key(out, "code");
                                if (words.code.empty()) {
                                  out.Null();
                                } else {
                                  string(out, words.code);
                                }
                                out.EndObject();
                                out.EndObject();
                              }));
    if (fault.retry_after) {
      const nanoseconds wait = std::max(*fault.retry_after, nanoseconds{0});
      reply.headers.push_back(
          {"Retry-After", fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(wait).count())});
      reply.headers.push_back(
          {"retry-after-ms", fmt::format("{}", std::chrono::ceil<std::chrono::milliseconds>(wait).count())});
    }
    if (fault.rate) add_rate_headers(reply, *fault.rate);
    return reply;
  }

  bool has_words_for(Fault::Kind kind) const override { return refusals_.empty() || has_row(refusals_, kind); }

 private:
  static Reply body_of(const Ask& ask, const Answer& answer) {
    if (ask.kind == Ask::Kind::listing) return Reply::json(200, listing_body(answer));
    if (ask.kind == Ask::Kind::embedding) return Reply::json(200, embedding_body(answer));
    if (ask.stream) return Reply::sse(stream_events(ask, answer), answer.between);
    return Reply::json(200, unary_body(ask, answer));
  }

  std::span<const Refusal> refusals_;
  bool stream_options_;
};

}  // namespace

std::unique_ptr<Dialect> openai_dialect() { return std::make_unique<OpenAiDialect>(std::span<const Refusal>()); }

std::unique_ptr<Dialect> compatible_dialect(std::string_view provider) {
  return std::make_unique<OpenAiDialect>(compatible_refusals(provider), provider != "mistral");
}

}  // namespace keywheel::testing
