#include "output.hpp"

#include <cstdio>
#include <ostream>
#include <string_view>

#include "json_out.hpp"
#include "stats_out.hpp"
#include "table.hpp"

namespace {

using keywheel::Attempt;

std::string_view class_of(const Attempt& attempt) {
  return attempt.error ? keywheel::to_string(*attempt.error) : std::string_view("success");
}

void write_attempts(JsonOut& out, const std::vector<Attempt>& attempts) {
  out.member("attempts", [&] {
    out.array([&] {
      for (const Attempt& attempt : attempts) {
        out.object([&] {
          out.member("service", attempt.service);
          out.member("credential", attempt.credential);
          out.member("status", attempt.status);
          out.member("class", class_of(attempt));
          out.member("elapsed_ms", milliseconds(attempt.elapsed));
        });
      }
    });
  });
}

void write_usage(JsonOut& out, const keywheel::Usage& usage) {
  out.object([&] {
    out.member("prompt_tokens", usage.prompt_tokens);
    out.member("completion_tokens", usage.completion_tokens);
    out.member("total_tokens", usage.total_tokens);
    out.member("cached_tokens", usage.cached_tokens);
    out.member("reasoning_tokens", usage.reasoning_tokens);
  });
}

void write_reply(JsonOut& out, const keywheel::ChatResponse& reply, const std::optional<StreamFacts>& stream) {
  out.member("text", reply.text());
  out.member("reasoning", reply.reasoning());
  out.member("tool_calls", [&] {
    out.array([&] {
      for (const keywheel::ToolCall& call : reply.tool_calls()) {
        out.object([&] {
          out.member("id", call.id);
          out.member("name", call.name);
          out.member("arguments", call.arguments);
        });
      }
    });
  });
  out.member("finish_reason", keywheel::to_string(reply.finish_reason()));
  out.member("model", reply.model);
  out.member("provider", reply.provider);
  out.member("service", reply.service);
  out.member("credential", reply.credential);
  out.member("usage", [&] { write_usage(out, reply.usage); });
  out.member("warnings", [&] {
    out.array([&] {
      for (const std::string& warning : reply.warnings) out.value(warning);
    });
  });
  if (stream) {
    out.member("events", stream->events);
    out.member("ttft_ms", stream->first ? std::optional(milliseconds(*stream->first)) : std::nullopt);
  }
  out.member("elapsed_ms", milliseconds(stream ? stream->whole : reply.elapsed));
  write_attempts(out, reply.attempts);
}

void write_error(JsonOut& out, const keywheel::Error& error) {
  out.member("error", [&] {
    out.object([&] {
      out.member("kind", keywheel::to_string(error.kind));
      out.member("message", error.message);
      out.member("status", error.status);
      out.member("code", error.code);
      out.member("retry_after_ms", error.retry_after ? std::optional(error.retry_after->count()) : std::nullopt);
      out.member("partial_text", error.partial_text);
    });
  });
  write_attempts(out, error.attempts);
}

std::string fixed(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

}  // namespace

std::string to_json_line(const keywheel::Result<keywheel::ChatResponse>& reply,
                         const std::optional<StreamFacts>& stream) {
  JsonOut out;
  out.object([&] {
    if (reply) {
      write_reply(out, *reply, stream);
    } else {
      write_error(out, reply.error());
    }
  });
  return out.text();
}

std::string to_json_line(const keywheel::RouterStats& stats) {
  JsonOut out;
  out.object([&] { out.member("stats", [&] { write_stats(out, stats); }); });
  return out.text();
}

void print_tool_calls(std::ostream& out, const keywheel::ChatResponse& reply) {
  for (const keywheel::ToolCall& call : reply.tool_calls()) out << call.name << ' ' << call.arguments << '\n';
}

void print_attempts(std::ostream& out, const std::vector<std::vector<Attempt>>& calls, bool colour) {
  using Align = Table::Align;
  Table table({{"call", Align::right},
               {"try", Align::right},
               {"service", Align::left},
               {"credential", Align::left},
               {"status", Align::right},
               {"class", Align::left},
               {"ms", Align::right}});
  for (std::size_t call = 0; call < calls.size(); ++call) {
    for (std::size_t attempt = 0; attempt < calls[call].size(); ++attempt) {
      const Attempt& a = calls[call][attempt];
      table.row({{std::to_string(call + 1)},
                 {std::to_string(attempt + 1)},
                 {a.service},
                 {a.credential},
                 {a.status ? std::to_string(*a.status) : "-"},
                 {std::string(class_of(a)), a.error ? Table::Colour::bad : Table::Colour::good},
                 {fixed(milliseconds(a.elapsed))}});
    }
  }
  table.print(out, colour);
}

void print_stats(std::ostream& out, const keywheel::RouterStats& stats, bool colour) {
  using Align = Table::Align;
  Table table({{"credential", Align::left},
               {"state", Align::left},
               {"requests", Align::right},
               {"successes", Align::right},
               {"prompt", Align::right},
               {"completion", Align::right},
               {"free in", Align::right},
               {"failures", Align::left}});
  for (const keywheel::CredentialStatus& key : stats.credentials) {
    std::string failures;
    for (const auto& [kind, count] : key.failures) {
      if (!failures.empty()) failures += ", ";
      failures += std::string(keywheel::to_string(kind)) + " " + std::to_string(count);
    }
    const bool never = key.available_in == std::chrono::milliseconds::max();
    const bool active = key.state == keywheel::CredentialState::active;
    table.row({{key.id},
               {std::string(keywheel::to_string(key.state)), active ? Table::Colour::good : Table::Colour::bad},
               {std::to_string(key.requests)},
               {std::to_string(key.successes)},
               {std::to_string(key.prompt_tokens)},
               {std::to_string(key.completion_tokens)},
               {never ? "-" : fixed(milliseconds(key.available_in) / 1000) + " s"},
               {failures.empty() ? "-" : failures}});
  }
  table.print(out, colour);
}
