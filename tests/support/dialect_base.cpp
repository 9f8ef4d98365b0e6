#include "support/dialect_base.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

namespace keywheel::testing {
namespace {

std::optional<std::string> wrong_call(const AskedTool& call) {
  if (call.name.empty()) return "a tool call has no name";
  if (!parse_json(call.arguments).IsObject()) return "the arguments of " + call.name + " are not a JSON object";
  return std::nullopt;
}

/// Takes a result's call off the open ones.
std::optional<std::string> close_call(std::vector<AskedTool>& open, const std::string& answers) {
  const auto it = std::find_if(open.begin(), open.end(), [&](const AskedTool& call) {
    return (call.id.empty() ? call.name : call.id) == answers;
  });
  if (it == open.end()) return "the tool result \"" + answers + "\" answers no call of the message before it";
  open.erase(it);
  return std::nullopt;
}

}  // namespace

std::string image_of(std::string_view url) {
  constexpr std::string_view kData = "data:";
  constexpr std::string_view kBase64 = ";base64,";
  const std::size_t mark = url.find(kBase64);
  if (!url.starts_with(kData) || mark == std::string_view::npos) return std::string(url);
  return fmt::format("{}:{}", url.substr(kData.size(), mark - kData.size()), url.substr(mark + kBase64.size()));
}

std::optional<std::string> take_turns(const std::vector<Turn>& turns, Ask& ask) {
  std::vector<AskedTool> open;
  bool spoken = false;
  for (const Turn& turn : turns) {
    ask.context += turn.text + "\n";
    spoken = spoken || turn.who == Turn::Who::user || turn.who == Turn::Who::tool;
    if (turn.who == Turn::Who::tool) {
      if (auto wrong = close_call(open, turn.answers.value_or(""))) return wrong;
      ask.tool_result = ask.tool_result ? *ask.tool_result + " and " + turn.text : turn.text;
      continue;
    }
    if (!open.empty()) return "the call of " + open.front().name + " has no result";
    ask.tool_result.reset();
    if (turn.who == Turn::Who::user) {
      ask.prompt = turn.text;
      ask.images = turn.images;
    }
    for (const AskedTool& call : turn.calls) {
      if (auto wrong = wrong_call(call)) return wrong;
    }
    open = turn.calls;
  }
  if (!open.empty()) return "the call of " + open.front().name + " has no result";
  if (!spoken) return std::string("there is no message of the user's");
  return std::nullopt;
}

OfferedTool offered_tool(std::string_view name, const rapidjson::Value* schema) {
  OfferedTool tool{.name = std::string(name)};
  const rapidjson::Value* properties = schema == nullptr ? nullptr : member(*schema, "properties");
  if (properties == nullptr || !properties->IsObject()) return tool;
  for (const auto& property : properties->GetObject()) {
    std::string type(string_member(property.value, "type"));
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    tool.properties.push_back({std::string(view(property.name)), std::move(type)});
  }
  return tool;
}

std::string quoted(std::string_view text) {
  return to_json([&](JsonWriter& out) { string(out, text); });
}

std::string json_of(const rapidjson::Value& value) {
  return to_json([&](JsonWriter& out) { value.Accept(out); });
}

std::string fill(std::string_view form, Blanks blanks) {
  std::string filled;
  while (true) {
    const std::size_t mark = form.find('$');
    filled += form.substr(0, mark);
    if (mark == std::string_view::npos) return filled;
    form.remove_prefix(mark + 1);
    const bool braced = form.starts_with('{');
    if (braced) form.remove_prefix(1);
    const std::size_t size = std::min(form.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), form.size());
    const std::string_view name = form.substr(0, size);
    form.remove_prefix(size + (braced ? 1 : 0));
    const auto* const blank =
        std::find_if(blanks.begin(), blanks.end(), [&](const auto& b) { return b.first == name; });
    if (blank == blanks.end()) throw std::logic_error(fmt::format("nobody fills ${}", name));
    filled += blank->second;
  }
}

std::pair<std::string, std::string> halves(std::string_view text) {
  std::size_t middle = text.size() / 2;
  while (middle > 0 && (static_cast<unsigned char>(text[middle]) & 0xC0U) == 0x80U) --middle;
  return {std::string(text.substr(0, middle)), std::string(text.substr(middle))};
}

std::string sse_event(std::string_view data, std::string_view name) {
  return name.empty() ? fmt::format("data: {}\n\n", data) : fmt::format("event: {}\ndata: {}\n\n", name, data);
}

Reply refusal_reply(std::span<const Refusal> rows, const Fault& fault, const Ask& ask, bool wait_in_header) {
  auto row = std::find_if(rows.begin(), rows.end(), [&](const Refusal& r) { return r.kind == fault.kind; });
  if (row == rows.end()) --row;
  using std::chrono::seconds;
  const auto wait = std::chrono::ceil<seconds>(fault.retry_after.value_or(seconds(0))).count();
  std::string body =
      fill(row->body, {{"message", quoted(fault.message.empty() ? "the request is wrong" : fault.message)},
                       {"wait", fmt::format("{}", wait)},
                       {"model", ask.model}});
  const int status = fault.status != 0 ? fault.status : row->status;
  Reply reply = row->in_stream && ask.stream ? Reply::sse({sse_event(body)}) : Reply::json(status, std::move(body));
  reply.status = status;
  if (const std::size_t colon = row->header.find(": "); colon != std::string_view::npos) {
    reply.headers.push_back({std::string(row->header.substr(0, colon)), std::string(row->header.substr(colon + 2))});
  }
  if (fault.retry_after && wait_in_header) reply.headers.push_back({"Retry-After", fmt::format("{}", wait)});
  return reply;
}

bool has_row(std::span<const Refusal> rows, Fault::Kind kind) noexcept {
  return std::any_of(rows.begin(), rows.end(), [&](const Refusal& row) { return row.kind == kind; });
}

std::optional<Fault> JsonDialect::read(const ReceivedRequest& request, Ask& ask) const {
  const auto bad = [](std::string why) { return Fault{.kind = Fault::Kind::bad_request, .message = std::move(why)}; };
  if (request.method != "POST") return bad("the method is not POST");
  if (!request.find("Content-Type").starts_with("application/json")) return bad("the Content-Type is not JSON");
  if (!key_in_url() && request.target.find(key(request)) != std::string::npos) return bad("the key is in the URL");
  const rapidjson::Document body = parse_json(request.body);
  if (!body.IsObject()) return bad("the body is not a JSON object");
  std::vector<Turn> turns;
  if (std::optional<std::string> wrong = read_body(request, body, ask, turns)) return bad(*std::move(wrong));
  if (std::optional<std::string> wrong = take_turns(turns, ask)) return bad(*std::move(wrong));
  return std::nullopt;
}

Reply JsonDialect::refuse(const Fault& fault, const Ask& ask) const { return refusal_reply(refusals(), fault, ask); }

}  // namespace keywheel::testing
