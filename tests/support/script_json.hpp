#pragma once

#include <map>
#include <string>
#include <string_view>

#include "support/provider_engine.hpp"

namespace keywheel::testing {

/// Scripts an engine from JSON; returns what is wrong with it, or nothing.
///
///     {"keys": {"KEY": SCRIPT, …}, "others": SCRIPT, "models": ["gpt-4o-mini", …]}
///
/// SCRIPT is an object of any of these; times are in seconds:
///     "status": 401            every request is refused with it; "error" may name the kind ("quota_exhausted", …),
///                              "message" the words, "retry_after" the header
///     "fail_next": 3           so many are refused ("fail_status", 500), later ones are not
///     "models": [...]          which it may use
///     "throttle_after": 5      after so many it answers 429, for "retry_after" (absent: for ever)
///     "rpm": 3, "qps": 2       true sliding windows; or "limit": n in any "window"
///     "delay", "between"       before each answer; between two pieces of a stream
///     "split": 1, "split_delay"
///     "cut": "reset"           or "close", "stall": answers break off after "cut_after" bytes of the body ("cut_next":
///                              so many answers)
///     "drop_next": 2           so many get no answer but the end of their connection
[[nodiscard]] std::string apply_script(std::string_view json, ProviderEngine& engine);

/// {"keys": {"KEY": {"requests": 3, "statuses": {"200": 2, "429": 1}, "prompt_tokens": …, "completion_tokens": …,
/// "entries": [{"request": 1, "at": 0.0123, "status": 200, "model": "…", "stream": false}, …]}}}, `at` in seconds since
/// the first request of all.
[[nodiscard]] std::string log_json(const std::map<std::string, KeyLog>& logs);

}  // namespace keywheel::testing
