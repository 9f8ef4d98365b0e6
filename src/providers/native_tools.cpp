#include "providers/native_tools.hpp"

#include <cstddef>
#include <string>

#include <fmt/format.h>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

std::string_view parameters_of(const Tool& tool) noexcept {
  return tool.parameters.empty() ? kNoParameters : std::string_view(tool.parameters);
}

std::string_view arguments_of(const ToolCall& call) noexcept {
  return call.arguments.empty() ? std::string_view("{}") : std::string_view(call.arguments);
}

void write_tool(JsonWriter& json, const Tool& tool, std::string_view parameters, std::string_view what) {
  json.begin_object().member("type", "function").key("function").begin_object().member("name", tool.name);
  if (!tool.description.empty()) json.member("description", tool.description);
  if (!parameters.empty()) json.key("parameters").raw(parameters, what);
  json.end_object().end_object();
}

void write_tools(JsonWriter& json, const std::vector<Tool>& tools, std::string_view without) {
  json.key("tools").begin_array();
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const Tool& tool = tools[i];
    const std::string path = fmt::format("tools[{}]", i);
    if (tool.raw.empty()) {
      write_tool(json, tool, tool.parameters.empty() ? without : tool.parameters, path + ".parameters");
    } else {
      json.raw(tool.raw, path + ".raw");
    }
  }
  json.end_array();
}

void write_function(JsonWriter& json, const Tool& tool) {
  json.begin_object().member("name", tool.name).member("description", tool.description);
  json.key("parameters").raw(parameters_of(tool), "tools.parameters").end_object();
}

void write_functions(JsonWriter& json, const std::vector<Tool>& tools) {
  json.key("functions").begin_array();
  for (const Tool& tool : tools) {
    if (tool.raw.empty()) {
      write_function(json, tool);
    } else {
      json.raw(tool.raw, "tools");
    }
  }
  json.end_array();
}

void write_call_members(JsonWriter& json, const ToolCall& call) {
  json.member("id", call.id).member("type", "function").key("function").begin_object();
  json.member("name", call.name).member("arguments", arguments_of(call)).end_object();
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
