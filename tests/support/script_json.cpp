#include "support/script_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "support/json.hpp"

namespace keywheel::testing {
namespace {

using std::chrono::nanoseconds;

constexpr std::array<std::pair<std::string_view, Fault::Kind>, 12> kKinds{{
    {"no_key", Fault::Kind::no_key},
    {"invalid_key", Fault::Kind::invalid_key},
    {"rate_limited", Fault::Kind::rate_limited},
    {"quota_exhausted", Fault::Kind::quota_exhausted},
    {"forbidden", Fault::Kind::forbidden},
    {"bad_request", Fault::Kind::bad_request},
    {"context_length", Fault::Kind::context_length},
    {"content_filter", Fault::Kind::content_filter},
    {"not_found", Fault::Kind::not_found},
    {"unknown_model", Fault::Kind::unknown_model},
    {"overloaded", Fault::Kind::overloaded},
    {"server_error", Fault::Kind::server_error},
}};

Fault::Kind kind_of_status(int status) {
  switch (status) {
    case 400:
      return Fault::Kind::bad_request;
    case 401:
      return Fault::Kind::invalid_key;
    case 402:
      return Fault::Kind::quota_exhausted;
    case 403:
      return Fault::Kind::forbidden;
    case 404:
      return Fault::Kind::unknown_model;
    case 429:
      return Fault::Kind::rate_limited;
    case 503:
      return Fault::Kind::overloaded;
    default:
      return Fault::Kind::server_error;
  }
}

/// Reads the members of one SCRIPT, each by its name, and remembers the first fault.
class ScriptReader {
 public:
  ScriptReader(std::string path, const rapidjson::Value& value) : path_(std::move(path)), value_(value) {}

  std::string read(KeyScript& script) {
    if (!value_.IsObject()) return path_ + ": not an object";
    std::optional<int> status = integer("status");
    const std::optional<std::string_view> error = text("error");
    const std::optional<std::string_view> message = text("message");
    const std::optional<nanoseconds> retry_after = seconds("retry_after");
    if (status || error) script.refuse = fault(status, error, message, retry_after);
    if (const auto n = integer("fail_next")) script.fail_next = *n;
    const int fail_status = integer("fail_status").value_or(500);
    script.fail_with = {.kind = kind_of_status(fail_status), .status = fail_status};
    script.models = texts("models");
    if (const auto n = integer("throttle_after")) {
      script.throttle_after = static_cast<std::uint64_t>(*n);
      script.throttle_for = retry_after;
    }
    read_limit(script);
    script.delay = seconds("delay").value_or(nanoseconds{0});
    script.between = seconds("between").value_or(nanoseconds{0});
    script.split = static_cast<std::size_t>(integer("split").value_or(0));
    script.split_delay = seconds("split_delay").value_or(nanoseconds{0});
    read_cut(script);
    script.drop_next = integer("drop_next").value_or(0);
    return finish();
  }

 private:
  void wrong(std::string_view name, std::string_view why) {
    if (fault_.empty()) fault_ = fmt::format("{}.{}: {}", path_, name, why);
  }

  const rapidjson::Value* take(std::string_view name) {
    const rapidjson::Value* found = member(value_, name);
    if (found != nullptr) ++known_;
    return found;
  }

  std::optional<double> number(std::string_view name) {
    const rapidjson::Value* found = take(name);
    if (found == nullptr) return std::nullopt;
    if (!found->IsNumber() || !std::isfinite(found->GetDouble()) || found->GetDouble() < 0) {
      wrong(name, "not a number from 0");
      return std::nullopt;
    }
    return found->GetDouble();
  }

  std::optional<int> integer(std::string_view name) {
    const rapidjson::Value* found = take(name);
    if (found == nullptr) return std::nullopt;
    if (!found->IsInt() || found->GetInt() < 0) {
      wrong(name, "not a whole number from 0");
      return std::nullopt;
    }
    return found->GetInt();
  }

  std::optional<nanoseconds> seconds(std::string_view name) {
    const std::optional<double> value = number(name);
    if (!value) return std::nullopt;
    if (*value > 1e9) {
      wrong(name, "more seconds than a life has");
      return std::nullopt;
    }
    return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(*value));
  }

  std::optional<std::string_view> text(std::string_view name) {
    const rapidjson::Value* found = take(name);
    if (found == nullptr) return std::nullopt;
    if (!found->IsString()) {
      wrong(name, "not a string");
      return std::nullopt;
    }
    return view(*found);
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> all;
    const rapidjson::Value* found = take(name);
    if (found == nullptr) return all;
    if (!found->IsArray()) {
      wrong(name, "not an array");
      return all;
    }
    for (const rapidjson::Value& one : found->GetArray()) {
      if (!one.IsString()) {
        wrong(name, "not an array of strings");
        return all;
      }
      all.emplace_back(view(one));
    }
    return all;
  }

  Fault fault(std::optional<int> status, std::optional<std::string_view> error, std::optional<std::string_view> message,
              std::optional<nanoseconds> retry_after) {
    Fault fault{.status = status.value_or(0), .message = std::string(message.value_or("")), .retry_after = retry_after};
    if (status) fault.kind = kind_of_status(*status);
    if (error) {
      const auto it =
          std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.first == *error; });
      if (it == kKinds.end()) {
        wrong("error", "no such kind");
      } else {
        fault.kind = it->second;
      }
    }
    return fault;
  }

  void read_limit(KeyScript& script) {
    const std::optional<int> limit = integer("limit");
    const std::optional<nanoseconds> window = seconds("window");
    const std::optional<int> rpm = integer("rpm");
    const std::optional<double> qps = number("qps");
    if (static_cast<int>(limit.has_value()) + static_cast<int>(rpm.has_value()) + static_cast<int>(qps.has_value()) >
        1) {
      wrong("limit", "one of limit, rpm and qps");
    }
    if (limit) script.limit = {*limit, window.value_or(std::chrono::minutes(1))};
    if (rpm) script.limit = {*rpm, std::chrono::minutes(1)};
    if (!qps) return;
    if (*qps <= 0 || *qps > 1e6) {
      wrong("qps", "not above 0");
    } else if (*qps < 1) {
      script.limit = {1, std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(1 / *qps))};
    } else {
      script.limit = {static_cast<std::int64_t>(*qps), std::chrono::seconds(1)};
    }
  }

  void read_cut(KeyScript& script) {
    const std::optional<std::string_view> how = text("cut");
    const std::optional<int> after = integer("cut_after");
    if (const auto n = integer("cut_next")) script.cut_next = *n;
    if (!how) return;
    Cut cut{.after = static_cast<std::size_t>(after.value_or(0))};
    if (*how == "reset") {
      cut.how = Cut::How::reset;
    } else if (*how == "stall") {
      cut.how = Cut::How::stall;
    } else if (*how != "close") {
      wrong("cut", R"(not "close", "reset" or "stall")");
    }
    script.cut = cut;
  }

  std::string finish() {
    if (fault_.empty() && known_ != value_.MemberCount()) fault_ = path_ + ": a member that no script has";
    return fault_;
  }

  std::string path_;
  const rapidjson::Value& value_;
  std::size_t known_ = 0;
  std::string fault_{};
};

}  // namespace

std::string apply_script(std::string_view json, ProviderEngine& engine) {
  const rapidjson::Document document = parse_json(json);
  if (!document.IsObject()) return "the script is not a JSON object";
  std::vector<std::pair<std::string, KeyScript>> scripts;
  if (const rapidjson::Value* keys = member(document, "keys")) {
    if (!keys->IsObject()) return "keys: not an object";
    for (const auto& entry : keys->GetObject()) {
      scripts.emplace_back(view(entry.name), KeyScript{});
      const std::string fault = ScriptReader("keys[]", entry.value).read(scripts.back().second);
      if (!fault.empty()) return fault;
    }
  }
  if (const rapidjson::Value* others = member(document, "others")) {
    KeyScript script;
    const std::string fault = ScriptReader("others", *others).read(script);
    if (!fault.empty()) return fault;
    engine.script_others(std::move(script));
  }
  if (const rapidjson::Value* models = member(document, "models")) {
    if (!models->IsArray()) return "models: not an array";
    std::vector<std::string> names;
    for (const rapidjson::Value& model : models->GetArray()) {
      if (!model.IsString()) return "models: not an array of strings";
      names.emplace_back(view(model));
    }
    engine.models(std::move(names));
  }
  for (auto& [key, script] : scripts) engine.script(std::move(key), std::move(script));
  return {};
}

std::string log_json(const std::map<std::string, KeyLog>& logs) {
  TimePoint first = TimePoint::max();
  for (const auto& [name, log] : logs) {
    if (!log.entries.empty()) first = std::min(first, log.entries.front().arrived);
  }
  return to_json([&](JsonWriter& out) {
    out.SetMaxDecimalPlaces(6);
    out.StartObject();
    key(out, "keys");
    out.StartObject();
    for (const auto& [name, log] : logs) {
      key(out, name);
      out.StartObject();
      key(out, "requests");
      out.Uint64(log.requests);
      key(out, "statuses");
      out.StartObject();
      for (const auto& [status, count] : log.statuses) {
        key(out, fmt::format("{}", status));
        out.Uint64(count);
      }
      out.EndObject();
      key(out, "prompt_tokens");
      out.Int64(log.prompt_tokens);
      key(out, "completion_tokens");
      out.Int64(log.completion_tokens);
      key(out, "entries");
      out.StartArray();
      for (const KeyLog::Entry& entry : log.entries) {
        out.StartObject();
        key(out, "request");
        out.Uint64(entry.request);
        key(out, "at");
        out.Double(std::chrono::duration<double>(entry.arrived - first).count());
        key(out, "status");
        out.Int(entry.status);
        string(out, "model", entry.model);
        key(out, "stream");
        out.Bool(entry.stream);
        out.EndObject();
      }
      out.EndArray();
      out.EndObject();
    }
    out.EndObject();
    out.EndObject();
  });
}

}  // namespace keywheel::testing
