#include "support/provider_engine.hpp"

#include <algorithm>
#include <utility>

#include "support/dialect_openai.hpp"

namespace keywheel::testing {

std::uint64_t KeyLog::with_status(int status) const {
  const auto it = statuses.find(status);
  return it == statuses.end() ? 0 : it->second;
}

ProviderEngine::ProviderEngine() { dialects_.push_back(openai_dialect()); }

void ProviderEngine::add_dialect(std::unique_ptr<Dialect> dialect) {
  const std::lock_guard lock(mutex_);
  dialects_.insert(dialects_.begin(), std::move(dialect));
}

void ProviderEngine::script(std::string key, KeyScript script) {
  const std::lock_guard lock(mutex_);
  Key& state = keys_[std::move(key)];
  state.script = std::move(script);
  state.throttled.reset();
  state.served = 0;
  state.window.clear();
}

void ProviderEngine::script_others(KeyScript script) {
  const std::lock_guard lock(mutex_);
  others_ = std::move(script);
}

void ProviderEngine::models(std::vector<std::string> models) {
  const std::lock_guard lock(mutex_);
  models_ = std::move(models);
}

KeyLog ProviderEngine::log(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto it = keys_.find(key);
  return it == keys_.end() ? KeyLog{} : it->second.log;
}

std::map<std::string, KeyLog> ProviderEngine::logs() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, KeyLog> logs;
  for (const auto& [name, key] : keys_) logs.emplace(name, key.log);
  return logs;
}

Reply ProviderEngine::handle(const ReceivedRequest& request) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(dialects_.begin(), dialects_.end(), [&](const auto& d) { return d->takes(request); });
  if (it == dialects_.end()) return dialects_.back()->refuse({.kind = Fault::Kind::not_found}, {});
  const Dialect& dialect = **it;
  const std::string name = dialect.key(request);
  if (name.empty()) return dialect.refuse({.kind = Fault::Kind::no_key}, {});

  Key& key = keys_[name];
  Ask ask;
  const std::optional<Fault> misread = dialect.read(request, ask);
  Reply reply = misread ? dialect.refuse(*misread, ask) : decide(dialect, request, ask, key);
  note(key, request, ask, reply);
  return reply;
}

Reply ProviderEngine::decide(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask, Key& key) {
  KeyScript& script = key.script ? *key.script : others_;
  if (script.reply) {
    if (std::optional<Reply> reply = script.reply(request, ask)) return std::move(*reply);
  }
  if (ask.kind == Ask::Kind::token) return token(dialect, request, ask, script);
  const std::optional<Fault> fault = refusal(request, ask, key, script);
  Reply reply = fault ? dialect.refuse(*fault, ask) : serve(dialect, request, ask, key, script);
  reply.delay = script.delay;
  reply.split = script.split;
  reply.split_delay = script.split_delay;
  return reply;
}

/// Only a dead key gets no token: the rest shows in what is done with it.
Reply ProviderEngine::token(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask,
                            const KeyScript& script) {
  if (script.refuse && script.refuse->kind == Fault::Kind::invalid_key) return dialect.refuse(*script.refuse, ask);
  Answer answer = compose_answer(ask, request.number);
  answer.key = dialect.key(request);
  return dialect.answer(ask, answer, std::nullopt);
}

std::optional<Fault> ProviderEngine::refusal(const ReceivedRequest& request, const Ask& ask, Key& key,
                                             KeyScript& script) {
  if (script.refuse) return script.refuse;
  if (script.fail_next > 0) {
    --script.fail_next;
    return script.fail_with;
  }
  if (!script.models.empty() &&
      std::find(script.models.begin(), script.models.end(), ask.model) == script.models.end()) {
    return Fault{.kind = Fault::Kind::unknown_model};
  }
  const TimePoint now = request.arrived;
  if (script.throttle_after && key.served >= *script.throttle_after) {
    if (!key.throttled) key.throttled = now;
    const auto past = now - *key.throttled;
    if (!script.throttle_for) return Fault{.kind = Fault::Kind::rate_limited};
    if (past < *script.throttle_for) {
      return Fault{.kind = Fault::Kind::rate_limited, .retry_after = *script.throttle_for - past};
    }
  }
  if (script.limit) {
    while (!key.window.empty() && now - key.window.front() >= script.limit->window) key.window.pop_front();
    if (static_cast<std::int64_t>(key.window.size()) >= script.limit->requests) {
      const std::optional<RateState> state = rate(key, script, now);
      return Fault{.kind = Fault::Kind::rate_limited, .retry_after = state->reset, .rate = state};
    }
    key.window.push_back(now);
  }
  return std::nullopt;
}

std::optional<RateState> ProviderEngine::rate(const Key& key, const KeyScript& script, TimePoint now) {
  if (!script.limit) return std::nullopt;
  const auto used = static_cast<std::int64_t>(key.window.size());
  RateState state{.limit = script.limit->requests,
                  .remaining = std::max<std::int64_t>(script.limit->requests - used, 0),
                  .window = script.limit->window};
  state.reset = key.window.empty() ? script.limit->window : script.limit->window - (now - key.window.front());
  return state;
}

Reply ProviderEngine::serve(const Dialect& dialect, const ReceivedRequest& request, const Ask& ask, Key& key,
                            KeyScript& script) {
  ++key.served;
  Answer answer = compose_answer(ask, request.number);
  answer.between = script.between;
  answer.created = 1'700'000'000;
  if (ask.kind == Ask::Kind::listing) answer.models = models_;
  key.log.prompt_tokens += answer.prompt_tokens;
  key.log.completion_tokens += answer.completion_tokens;
  Reply reply = dialect.answer(ask, answer, rate(key, script, request.arrived));
  if (script.cut && script.cut_next != 0) {
    reply.cut = script.cut;
    if (script.cut_next > 0) --script.cut_next;
  }
  if (script.drop_next > 0) {
    --script.drop_next;
    reply.no_answer = true;
  }
  return reply;
}

void ProviderEngine::note(Key& key, const ReceivedRequest& request, const Ask& ask, const Reply& reply) {
  const int status = reply.no_answer ? 0 : reply.status;
  ++key.log.requests;
  ++key.log.statuses[status];
  if (key.log.entries.size() < kMaxEntries) {
    key.log.entries.push_back({request.number, request.arrived, status, ask.model, ask.stream});
  }
}

}  // namespace keywheel::testing
