#pragma once

#include <string_view>
#include <vector>

#include <keywheel/chat.hpp>

#include "wire/json_writer.hpp"

/// Tools and calls in the shapes of OpenAI's that other dialects have taken over.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// The JSON schema of a function that takes nothing.
inline constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

/// The schema of a tool's parameters: kNoParameters where the caller has none.
[[nodiscard]] std::string_view parameters_of(const Tool& tool) noexcept;

/// The arguments of a call as JSON: `{}` where the caller has none.
[[nodiscard]] std::string_view arguments_of(const ToolCall& call) noexcept;

/// {"type":"function","function":{"name","description","parameters"}}, of which what is empty is left out.
/// `what` names the parameters in a fault.
void write_tool(JsonWriter& json, const Tool& tool, std::string_view parameters, std::string_view what);

/// "tools": those of write_tool(), and the raw ones. `without` is written for the parameters of a tool that has none.
void write_tools(JsonWriter& json, const std::vector<Tool>& tools, std::string_view without = {});

/// {"name","description","parameters"} for dialects that want all three.
void write_function(JsonWriter& json, const Tool& tool);

/// "functions": those of write_function(), and the raw ones.
void write_functions(JsonWriter& json, const std::vector<Tool>& tools);

/// "id", "type" and "function" of a call, its arguments as a string.
void write_call_members(JsonWriter& json, const ToolCall& call);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
