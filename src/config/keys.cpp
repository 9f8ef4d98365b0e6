#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "config/reader.hpp"
#include "config/wording.hpp"
#include "providers/credential_fields.hpp"

/// The keys of the objects that a config is made of. A key that stands twice with the same `read` has two names.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

/// `qpm` and `rpm`: where both are given, the lower one holds. simple-one-api takes fractions: one below 1 becomes a
/// pace, of one above the whole part is kept.
void read_rpm(Reader& reader, const JsonNode& value, Limits& limits) {
  double rpm = 0;
  const std::size_t before = reader.faults.size();
  reader.read(value, rpm);
  if (reader.faults.size() != before) return;
  if (rpm > 0 && rpm < 1) {
    const double qps = rpm / 60;
    limits.qps = limits.qps > 0 ? std::min(limits.qps, qps) : qps;
    return;
  }
  constexpr double kMost = 1e15;
  if (std::abs(rpm) > kMost) {
    reader.fault(value, fmt::format("expected a number below 1e15, came {}", rpm));
    return;
  }
  const auto whole = static_cast<std::int64_t>(rpm);
  limits.rpm = limits.rpm > 0 && whole > 0 ? std::min(limits.rpm, whole) : whole;
}

void read_qpm(Reader& reader, const JsonNode& value, Limits& limits) { read_rpm(reader, value, limits); }

void read_guard(Reader& reader, const JsonNode& value, Limits& limits) {
  std::int64_t milliseconds = 0;
  reader.read(value, milliseconds);
  limits.guard = std::chrono::milliseconds(milliseconds);
}

void read_burst(Reader& reader, const JsonNode& value, Limits& limits) {
  std::int64_t milliseconds = 0;
  reader.read(value, milliseconds);
  limits.burst = std::chrono::milliseconds(milliseconds);
}

void read_period(Reader& reader, const JsonNode& value, Limits& limits) {
  std::string name;
  const std::size_t before = reader.faults.size();
  reader.read(value, name);
  if (reader.faults.size() != before) return;
  if (name == "life") {
    limits.period = Period::life;
  } else if (name == "day") {
    limits.period = Period::day;
  } else if (name == "month") {
    limits.period = Period::month;
  } else {
    reader.fault(value, fmt::format("expected \"life\", \"day\" or \"month\", came {}", quoted(name)));
  }
}

constexpr Key<Limits> kLimits[] = {
    {"qps", member<Limits, &Limits::qps>},
    {"qpm", read_qpm},
    {"rpm", read_rpm},
    {"rpd", member<Limits, &Limits::rpd>},
    {"tpm", member<Limits, &Limits::tpm>},
    {"itpm", member<Limits, &Limits::itpm>},
    {"otpm", member<Limits, &Limits::otpm>},
    {"tpd", member<Limits, &Limits::tpd>},
    {"concurrency", member<Limits, &Limits::concurrency>},
    {"max_requests", member<Limits, &Limits::max_requests>},
    {"max_tokens", member<Limits, &Limits::max_tokens>},
    {"max_cost", member<Limits, &Limits::max_cost>},
    {"period", read_period},
    {"timeout", member<Limits, &Limits::timeout>},
    {"guard_ms", read_guard},
    {"burst_ms", read_burst},
};

void read_cached_input(Reader& reader, const JsonNode& value, Price& price) {
  reader.read(value, price.cached_input.emplace());
}

constexpr Key<Price> kPrice[] = {
    {"input", member<Price, &Price::input>},
    {"output", member<Price, &Price::output>},
    {"cached_input", read_cached_input},
    {"request", member<Price, &Price::request>},
};

constexpr Key<ChargingRule> kCharging[] = {
    {"ahead", member<ChargingRule, &ChargingRule::ahead>},
    {"output", member<ChargingRule, &ChargingRule::output>},
    {"cached", member<ChargingRule, &ChargingRule::cached>},
};

constexpr Key<Timeouts> kTimeouts[] = {
    {"connect", member<Timeouts, &Timeouts::connect>}, {"first_byte", member<Timeouts, &Timeouts::first_byte>},
    {"idle", member<Timeouts, &Timeouts::idle>},       {"attempt", member<Timeouts, &Timeouts::attempt>},
    {"total", member<Timeouts, &Timeouts::total>},
};

constexpr Key<RetryPolicy> kRetry[] = {
    {"max_attempts", member<RetryPolicy, &RetryPolicy::max_attempts>},
    {"max_attempts_per_service", member<RetryPolicy, &RetryPolicy::max_attempts_per_service>},
    {"backoff", member<RetryPolicy, &RetryPolicy::backoff>},
    {"max_backoff", member<RetryPolicy, &RetryPolicy::max_backoff>},
    {"jitter", member<RetryPolicy, &RetryPolicy::jitter>},
    {"retry_after_send", member<RetryPolicy, &RetryPolicy::retry_after_send>},
    {"cooldown", member<RetryPolicy, &RetryPolicy::cooldown>},
    {"max_cooldown", member<RetryPolicy, &RetryPolicy::max_cooldown>},
};

using Breaker = CircuitBreakerConfig;
constexpr Key<Breaker> kBreaker[] = {
    {"enabled", member<Breaker, &Breaker::enabled>},
    {"failure_threshold", member<Breaker, &Breaker::failure_threshold>},
    {"recovery_timeout_seconds", member<Breaker, &Breaker::recovery_timeout>},
    {"recovery_timeout", member<Breaker, &Breaker::recovery_timeout>},
    {"half_open_max_requests", member<Breaker, &Breaker::half_open_max_requests>},
};

constexpr Key<TlsConfig> kTls[] = {
    {"ca_file", member<TlsConfig, &TlsConfig::ca_file>},
    {"ca_path", member<TlsConfig, &TlsConfig::ca_path>},
    {"ca_pem", member<TlsConfig, &TlsConfig::ca_pem>},
};

constexpr Key<Bounds> kBounds[] = {
    {"max_body", member<Bounds, &Bounds::max_body>},
    {"max_header", member<Bounds, &Bounds::max_header>},
    {"max_event", member<Bounds, &Bounds::max_event>},
    {"max_json_depth", member<Bounds, &Bounds::max_json_depth>},
    {"max_buffered", member<Bounds, &Bounds::max_buffered>},
};

constexpr Key<HedgeConfig> kHedge[] = {
    {"enabled", member<HedgeConfig, &HedgeConfig::enabled>},
    {"delay", member<HedgeConfig, &HedgeConfig::delay>},
    {"max_share", member<HedgeConfig, &HedgeConfig::max_share>},
};

constexpr Key<FallbackConfig> kFallback[] = {
    {"any", member<FallbackConfig, &FallbackConfig::any>},
    {"context_length", member<FallbackConfig, &FallbackConfig::context_length>},
    {"content_filter", member<FallbackConfig, &FallbackConfig::content_filter>},
};

constexpr Key<CredentialConfig> kCredential[] = {
    {"api_key", member<CredentialConfig, &CredentialConfig::api_key>},
    {"id", member<CredentialConfig, &CredentialConfig::id>},
    {"limit", member<CredentialConfig, &CredentialConfig::limits>},
    {"limits", member<CredentialConfig, &CredentialConfig::limits>},
    {"model_limits", member<CredentialConfig, &CredentialConfig::model_limits>},
    {"weight", member<CredentialConfig, &CredentialConfig::weight>},
    {"account", member<CredentialConfig, &CredentialConfig::account>},
    {"project", member<CredentialConfig, &CredentialConfig::project>},
    {"region", member<CredentialConfig, &CredentialConfig::region>},
    {"models", member<CredentialConfig, &CredentialConfig::models>},
    {"base_url", member<CredentialConfig, &CredentialConfig::base_url>},
    {"server_url", member<CredentialConfig, &CredentialConfig::base_url>},
    {"enabled", member<CredentialConfig, &CredentialConfig::enabled>},
};

/// Any other string than those of kCredentialFields is kept too, for a Transport of the application's own; they are
/// what a slip of the pen is compared with.
void read_field(Reader& reader, const JsonNode& value, CredentialConfig& credential) {
  std::vector<std::string_view> known(std::begin(kCredentialFields), std::end(kCredentialFields));
  for (const Key<CredentialConfig>& key : kCredential) known.push_back(key.name);
  switch (value.type) {
    case JsonNode::Type::string:
      if (nearest(value.key, known) != value.key && !nearest(value.key, known).empty()) {
        reader.warn(fmt::format("no provider reads this key{}", did_you_mean(value.key, known)));
      }
      reader.read(value, credential.fields[std::string(value.key)]);
      break;
    case JsonNode::Type::number:
      reader.fault(value, "expected a string (in quotes), came a number");
      break;
    case JsonNode::Type::null:
      break;
    default:
      reader.unknown_key(value, known);
  }
}

}  // namespace

void Reader::read(const JsonNode& value, Limits& into) { read_object<Limits>(value, into, kLimits); }
void Reader::read(const JsonNode& value, Timeouts& into) { read_object<Timeouts>(value, into, kTimeouts); }
void Reader::read(const JsonNode& value, RetryPolicy& into) { read_object<RetryPolicy>(value, into, kRetry); }
void Reader::read(const JsonNode& value, CircuitBreakerConfig& into) { read_object<Breaker>(value, into, kBreaker); }
void Reader::read(const JsonNode& value, TlsConfig& into) { read_object<TlsConfig>(value, into, kTls); }
void Reader::read(const JsonNode& value, Bounds& into) { read_object<Bounds>(value, into, kBounds); }
void Reader::read(const JsonNode& value, HedgeConfig& into) { read_object<HedgeConfig>(value, into, kHedge); }

void Reader::read(const JsonNode& value, CredentialConfig& into) {
  read_object<CredentialConfig>(value, into, kCredential, read_field);
}

void Reader::read(const JsonNode& value, Price& into) { read_object<Price>(value, into, kPrice); }
void Reader::read(const JsonNode& value, ChargingRule& into) { read_object<ChargingRule>(value, into, kCharging); }

void Reader::read(const JsonNode& value, FallbackConfig& into) {
  if (value.type == JsonNode::Type::array) {
    read(value, into.any);
  } else if (expect(value, JsonNode::Type::object, "a list of models, or an object")) {
    read_object<FallbackConfig>(value, into, kFallback);
  }
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
