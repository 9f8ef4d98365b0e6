#include "sim/spelling.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace keywheel::sim {
namespace {

constexpr int kPieces = 4;

/// "6m0s", "1.234s", "170ms": as Go prints a span of time.
std::string go_duration(Nanos span) {
  const double seconds = std::chrono::duration<double>(span).count();
  if (seconds < 1) return fmt::format("{}ms", std::chrono::ceil<std::chrono::milliseconds>(span).count());
  const auto minutes = static_cast<std::int64_t>(seconds) / 60;
  const double rest = std::ceil((seconds - static_cast<double>(minutes * 60)) * 1000) / 1000;
  std::string text;
  if (minutes >= 60) text += fmt::format("{}h", minutes / 60);
  if (minutes > 0) text += fmt::format("{}m", minutes % 60);
  return text + fmt::format("{:.3f}s", rest);
}

std::string rfc3339(WallTime when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::ceil<std::chrono::seconds>(when - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

const char* openai_name(Measure measure) { return measure == Measure::requests ? "requests" : "tokens"; }

const char* anthropic_name(Measure measure) {
  switch (measure) {
    case Measure::requests:
      return "requests";
    case Measure::input:
      return "input-tokens";
    case Measure::output:
      return "output-tokens";
    case Measure::tokens:
      break;
  }
  return "tokens";
}

HttpHead head(int status, const char* type) { return {.status = status, .headers = {{"content-type", type}}}; }

std::string refusal_body(Vendor vendor, Refusal why) {
  if (vendor == Vendor::anthropic) {
    const auto body = [](const char* type, const char* message) {
      return fmt::format(R"({{"type":"error","error":{{"type":"{}","message":"{}"}}}})", type, message);
    };
    switch (why) {
      case Refusal::rate:
        return body("rate_limit_error", "This request would exceed your organization's rate limit");
      case Refusal::day:
        return body("billing_error", "Your organization has used up its quota");
      case Refusal::dead:
        return body("authentication_error", "invalid x-api-key");
      case Refusal::full:
        return body("overloaded_error", "Overloaded");
      case Refusal::broken:
        break;
    }
    return body("api_error", "Internal server error");
  }
  const auto body = [](const char* message, const char* type, const char* code) {
    return fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":"{}"}}}})", message, type, code);
  };
  switch (why) {
    case Refusal::rate:
      return body("Rate limit reached for sim-model", "requests", "rate_limit_exceeded");
    case Refusal::day:
      return vendor == Vendor::groq
                 ? body("Rate limit reached for sim-model on requests per day (RPD)", "requests", "rate_limit_exceeded")
                 : body("You exceeded your current quota", "insufficient_quota", "insufficient_quota");
    case Refusal::dead:
      return body("Incorrect API key provided", "invalid_request_error", "invalid_api_key");
    case Refusal::full:
      return body("The engine is currently overloaded", "server_error", "server_is_overloaded");
    case Refusal::broken:
      break;
  }
  return body("The server had an error", "server_error", "server_error");
}

std::vector<std::string> openai_stream(const CallSpec& call) {
  std::vector<std::string> pieces;
  const auto chunk = [&](const char* delta, const char* finish) {
    pieces.push_back(fmt::format(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
        "[{{\"index\":0,\"delta\":{},\"finish_reason\":{}}}]}}\n\n",
        delta, finish));
  };
  chunk(R"({"role":"assistant","content":""})", "null");
  for (int i = 0; i < kPieces; ++i) chunk(R"({"content":"word "})", "null");
  chunk("{}", "\"stop\"");
  pieces.back() += fmt::format(
      "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],"
      "\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
      call.prompt, call.completion, call.prompt + call.completion);
  return pieces;
}

std::vector<std::string> anthropic_stream(const CallSpec& call) {
  std::vector<std::string> pieces;
  pieces.push_back(fmt::format(
      "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"m\",\"type\":\"message\","
      "\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{{\"input_tokens\":{},"
      "\"output_tokens\":1}}}}}}\n\nevent: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,"
      "\"content_block\":{{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
      call.prompt));
  for (int i = 0; i < kPieces; ++i) {
    pieces.emplace_back(
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
        "{\"type\":\"text_delta\",\"text\":\"word \"}}\n\n");
  }
  pieces.push_back(fmt::format(
      "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\nevent: message_delta\n"
      "data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{{\"output_tokens\":{}"
      "}}}}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n",
      call.completion));
  return pieces;
}

std::string unary_body(Vendor vendor, const CallSpec& call) {
  if (vendor == Vendor::anthropic) {
    return fmt::format(
        R"({{"id":"m","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"word"}}],)"
        R"("stop_reason":"end_turn","usage":{{"input_tokens":{},"output_tokens":{}}}}})",
        call.prompt, call.completion);
  }
  return fmt::format(
      R"({{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":)"
      R"({{"role":"assistant","content":"word"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{},)"
      R"("completion_tokens":{},"total_tokens":{}}}}})",
      call.prompt, call.completion, call.prompt + call.completion);
}

}  // namespace

std::vector<HttpHeader> quota_headers(Vendor vendor, const std::vector<Standing>& standings, WallTime wall) {
  std::vector<HttpHeader> headers;
  const auto add = [&](const char* prefix, const char* first, const char* second, std::string value) {
    headers.push_back({fmt::format("{}{}-{}", prefix, first, second), std::move(value)});
  };
  for (const Standing& each : standings) {
    const std::int64_t remaining = std::max<std::int64_t>(each.remaining, 0);
    if (vendor == Vendor::anthropic) {
      const char* name = anthropic_name(each.measure);
      constexpr const char* kPrefix = "anthropic-ratelimit-";
      add(kPrefix, name, "limit", std::to_string(each.limit));
      add(kPrefix, name, "remaining", std::to_string(remaining));
      add(kPrefix, name, "reset", rfc3339(wall + std::chrono::ceil<std::chrono::milliseconds>(each.reset)));
    } else {
      const char* name = openai_name(each.measure);
      constexpr const char* kPrefix = "x-ratelimit-";
      add(kPrefix, "limit", name, std::to_string(each.limit));
      add(kPrefix, "remaining", name, std::to_string(remaining));
      add(kPrefix, "reset", name, go_duration(each.reset));
    }
  }
  return headers;
}

testing::SimAnswer refusal(Vendor vendor, Refusal why, int status, std::optional<Nanos> retry_after) {
  testing::SimAnswer answer;
  answer.head = head(status, "application/json");
  if (retry_after) {
    answer.head->headers.push_back(
        {"retry-after",
         std::to_string(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(*retry_after).count()))});
  }
  answer.body.push_back({.bytes = refusal_body(vendor, why)});
  return answer;
}

testing::SimAnswer answer(Vendor vendor, const CallSpec& call, Nanos took) {
  testing::SimAnswer answer;
  if (!call.stream) {
    answer.head = head(200, "application/json");
    answer.body.push_back({.delay = took, .bytes = unary_body(vendor, call)});
    return answer;
  }
  answer.head = head(200, "text/event-stream");
  std::vector<std::string> pieces = vendor == Vendor::anthropic ? anthropic_stream(call) : openai_stream(call);
  const Nanos between = took / static_cast<std::int64_t>(pieces.size());
  for (std::string& piece : pieces) answer.body.push_back({.delay = between, .bytes = std::move(piece)});
  if (call.breaks) {
    answer.body.resize(answer.body.size() / 2);
    answer.end = {.kind = detail::ExchangeEnd::Kind::lost, .message = "the connection broke"};
  }
  return answer;
}

}  // namespace keywheel::sim
