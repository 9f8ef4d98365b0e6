#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <keywheel/keywheel.hpp>

/// What a streamed call showed on its way.
struct StreamFacts {
  std::uint64_t events = 0;
  std::optional<std::chrono::nanoseconds> first{};  ///< until the first event
  std::chrono::nanoseconds whole{};                 ///< until the end, by the same clock
};

/// One call as a line of JSON. `stream` is absent for a call that was not streamed.
[[nodiscard]] std::string to_json_line(const keywheel::Result<keywheel::ChatResponse>& reply,
                                       const std::optional<StreamFacts>& stream);

/// The statistics as a line of JSON.
[[nodiscard]] std::string to_json_line(const keywheel::RouterStats& stats);

/// What follows the text of an answer for a person: the tools it asks for.
void print_tool_calls(std::ostream& out, const keywheel::ChatResponse& reply);

/// Every upstream request of each call, and what every credential did, as tables.
void print_attempts(std::ostream& out, const std::vector<std::vector<keywheel::Attempt>>& calls, bool colour);
void print_stats(std::ostream& out, const keywheel::RouterStats& stats, bool colour);
