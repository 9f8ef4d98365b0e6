#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <keywheel/router.hpp>

/// Calls the model, runs the functions it asks for, gives their results back, and so on until it answers.

KEYWHEEL_BEGIN_NAMESPACE

/// A function of the application that a model may ask for.
struct ToolFunction {
  Tool tool{};  ///< as the model is told of it
  /// Takes the arguments as the model wrote them (JSON text, perhaps invalid) and gives the result as the model shall
  /// read it. An Error, or an exception, is given to the model as the function's failure. Called from several threads
  /// at once where the model asks for several calls, unless ToolLoopOptions::parallel is 1.
  std::function<Result<std::string>(const ToolCall& call)> run{};
};

struct ToolLoopOptions {
  int max_rounds = 10;  ///< model calls at the most; a loop that is not done by then ends with `complete` false
  int parallel = 8;     ///< functions that run at once; 1: one after the other, on the caller's thread
  std::size_t max_result = 1U << 20U;  ///< bytes of one function's result; a longer one is cut, and the model is told
  EventCallback on_event{};            ///< set: the answers are streamed to it, round by round
  std::function<void(const ToolCall& call, const Message& result)>
      on_result{};  ///< after each function, on the caller's thread
};

/// What came of it.
struct ToolRun {
  ChatResponse response{};          ///< the last answer
  std::vector<Message> messages{};  ///< the whole conversation, the last answer included
  Usage usage{};                    ///< of all rounds
  int rounds = 0;
  bool complete = false;  ///< the last answer asks for nothing more
};

/// Blocks; runs on the caller's thread. `request.tools` is filled with the functions' (tools that are there already
/// stay: the provider's own). An error of a model call ends the loop and is returned; `attempts` holds those of all
/// rounds.
[[nodiscard]] KEYWHEEL_EXPORT Result<ToolRun> run_tools(Router& router, ChatRequest request,
                                                        const std::vector<ToolFunction>& functions,
                                                        const ToolLoopOptions& options = {});

KEYWHEEL_END_NAMESPACE
