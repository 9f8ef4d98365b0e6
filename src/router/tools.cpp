#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <thread>
#include <utility>

#include <keywheel/tools.hpp>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace {

void add(std::optional<std::int64_t>& to, const std::optional<std::int64_t>& more) {
  if (more) to = to.value_or(0) + *more;
}

void add(Usage& to, const Usage& more) {
  add(to.prompt_tokens, more.prompt_tokens);
  add(to.completion_tokens, more.completion_tokens);
  add(to.total_tokens, more.total_tokens);
  add(to.cached_tokens, more.cached_tokens);
  add(to.cache_write_tokens, more.cache_write_tokens);
  add(to.reasoning_tokens, more.reasoning_tokens);
  to.estimated = to.estimated || more.estimated;
}

Message failed_result(const ToolCall& call, std::string why) {
  Message message = tool_result(call.id, std::move(why));
  message.name = call.name;
  message.failed = true;
  return message;
}

Message run_one(const ToolCall& call, const std::vector<ToolFunction>& functions, std::size_t most) {
  const auto it =
      std::find_if(functions.begin(), functions.end(), [&](const ToolFunction& f) { return f.tool.name == call.name; });
  if (it == functions.end()) return failed_result(call, fmt::format("There is no function named \"{}\".", call.name));
  try {
    Result<std::string> result = it->run(call);
    if (!result) return failed_result(call, result.error().message);
    std::string text = *std::move(result);
    if (text.size() > most) {
      // A cut inside a character would make the request invalid.
      std::size_t end = most;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
      text.resize(end);
      text += fmt::format("\n[cut: the result was longer than {} bytes]", most);
    }
    Message message = tool_result(call.id, std::move(text));
    message.name = call.name;
    return message;
  } catch (const std::exception& exception) {
    return failed_result(call, fmt::format("The function failed: {}", exception.what()));
  }
}

std::vector<Message> run_all(const std::vector<ToolCall>& calls, const std::vector<ToolFunction>& functions,
                             const ToolLoopOptions& options) {
  std::vector<Message> results(calls.size());
  std::atomic<std::size_t> next{0};
  std::exception_ptr thrown;  // what is no std::exception is not ours to turn into words
  std::atomic<bool> broken{false};
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < calls.size() && !broken.load(); i = next.fetch_add(1)) {
      try {
        results[i] = run_one(calls[i], functions, options.max_result);
      } catch (...) {
        if (!broken.exchange(true)) thrown = std::current_exception();
      }
    }
  };
  const std::size_t helpers = std::min(calls.size(), static_cast<std::size_t>(std::max(1, options.parallel))) - 1;
  std::vector<std::thread> threads;
  threads.reserve(helpers);
  for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (thrown) std::rethrow_exception(thrown);
  return results;
}

}  // namespace

Result<ToolRun> run_tools(Router& router, ChatRequest request, const std::vector<ToolFunction>& functions,
                          const ToolLoopOptions& options) {
  for (const ToolFunction& function : functions) request.tools.push_back(function.tool);
  ToolRun run;
  std::vector<Attempt> attempts;
  for (;;) {
    Result<ChatResponse> reply = options.on_event ? router.chat(request, options.on_event) : router.chat(request);
    std::vector<Attempt>& made = reply ? reply->attempts : reply.error().attempts;
    std::copy(made.begin(), made.end(), std::back_inserter(attempts));
    if (!reply) {
      Error error = std::move(reply).error();
      error.attempts = std::move(attempts);
      return error;
    }
    ++run.rounds;
    add(run.usage, reply->usage);
    request.messages.push_back(reply->message());
    run.response = *std::move(reply);
    const std::vector<ToolCall>& calls = run.response.tool_calls();
    run.complete = calls.empty();
    if (run.complete || run.rounds >= std::max(1, options.max_rounds)) break;

    const std::vector<Message> results = run_all(calls, functions, options);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (options.on_result) options.on_result(calls[i], results[i]);
      request.messages.push_back(results[i]);
    }
    // A forced choice was for the first turn; kept, it would never let the model answer.
    if (request.tool_choice && (request.tool_choice->mode == ToolChoice::Mode::required ||
                                request.tool_choice->mode == ToolChoice::Mode::function)) {
      request.tool_choice.reset();
    }
  }
  run.response.attempts = std::move(attempts);
  run.messages = std::move(request.messages);
  return run;
}

KEYWHEEL_END_NAMESPACE
