#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "sim/scenario.hpp"

namespace keywheel::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Truth requests(std::int64_t limit, seconds window, WindowKind kind = WindowKind::sliding) {
  return {.measure = Measure::requests, .kind = kind, .limit = limit, .window = window};
}
Truth tokens(std::int64_t limit, WindowKind kind = WindowKind::sliding) {
  return {.measure = Measure::tokens, .kind = kind, .limit = limit, .window = seconds(60)};
}

/// So much of what is stated can be used, with 500 ms of guard on a minute, and of that, what must be.
constexpr double kStatedUse = 0.99 * 60 / 60.5;
/// Callers want so much more than is allowed.
constexpr double kPressure = 1.2;

/// A thousand keys, of which some share an account and some do not, under every kind of window.
std::vector<KeyGroup> thousand_stated() {
  return {
      {.keys = 200, .per_account = 10, .stated = {.rpm = 5}, .truth = {requests(5, seconds(60))}},
      {.keys = 200, .per_account = 10, .stated = {.rpm = 5}, .truth = {requests(5, seconds(60), WindowKind::bucket)}},
      {.keys = 200, .per_account = 10, .stated = {.rpm = 5}, .truth = {requests(5, seconds(60), WindowKind::fixed)}},
      {.keys = 200,
       .per_account = 4,
       .stated = {.rpm = 3, .rpd = 2'100},
       .truth = {requests(3, seconds(60)), requests(2'100, hours(24), WindowKind::fixed)}},
      {.keys = 100, .declared = false, .stated = {.rpm = 1}, .truth = {requests(1, seconds(60))}},
      {.keys = 100, .declared = false, .stated = {.qps = 0.005}, .truth = {requests(1, seconds(200))}},
  };
}

Scenario stated() {
  return {.about = "limits the config states; the callers want 1.2 times as much; jitter under the guard",
          .services = {{.id = "main", .groups = thousand_stated()}},
          .load = {.per_hour = 1'000'000.0 / 24,
                   .cancels = 0.02,
                   .streams = 0.1,
                   .stops = 0.1,
                   .breaks = 0.01,
                   .deadlines = 0.05},
          .wire = {.uplink = milliseconds(450)},
          .targets = {.refused = 0, .used = kStatedUse}};
}

Scenario shaped(Load::Shape shape, const char* about) {
  Scenario s = stated();
  s.about = about;
  s.load.shape = shape;
  s.targets.used.reset();
  return s;
}

Scenario tenants() {
  Scenario s = stated();
  s.about = "three tenants of shares 1, 1 and 4, of whom the first asks for most";
  s.services[0].groups = {{.keys = 40, .per_account = 4, .stated = {.rpm = 30}, .truth = {requests(30, seconds(60))}}};
  s.load.per_hour = 2 * 10 * 30 * 60;
  s.load.tenants = {{"greedy", 1, 0.6}, {"modest", 1, 0.1}, {"paying", 4, 0.3}};
  s.load.deadlines = 0;
  s.targets = {.refused = 0, .used = kStatedUse, .fair = 0.9};
  return s;
}

Scenario tokens_ahead() {
  return {
      .about = "tokens a minute, max_tokens charged when the request comes; sizes from tens to thousands",
      .services = {{.id = "main",
                    .vendor = Vendor::groq,
                    .groups = {{.keys = 100, .per_account = 2, .stated = {.tpm = 20'000}, .truth = {tokens(20'000)}},
                               {.keys = 100,
                                .per_account = 2,
                                .stated = {.rpm = 30, .tpm = 12'100},
                                .truth = {tokens(12'100, WindowKind::bucket), requests(30, seconds(60))}}},
                    .ahead = true}},
      .load = {.per_hour = 1.2 * 50 * 32'100.0 / 900 * 60,
               .cancels = 0.02,
               .streams = 0.3,
               .breaks = 0.01,
               .prompt_tokens = 200,
               .prompt_spread = 0.8,
               .max_tokens = 600},
      .wire = {.uplink = milliseconds(450)},
      .targets = {.refused = 0}};
}

Scenario outages() {
  Scenario s;
  s.about = "two services; one fails for hours in every way, streams break, callers stop and cancel";
  s.services = {
      {.id = "main",
       .groups = {{.keys = 40,
                   .per_account = 4,
                   .stated = {.rpm = 60, .concurrency = 40},
                   .truth = {requests(60, seconds(60))},
                   .dead = 0.1}},
       .outages = {{2, 0.5, 1, 503}, {5, 1, 0.5, 500}, {8, 0.25, 1, 0}, {12, 0.5, 0.7, 0}, {16, 1, 0.1, 502}}},
      {.id = "other",
       .vendor = Vendor::anthropic,
       .groups = {{.keys = 20, .per_account = 2, .stated = {.rpm = 20}, .truth = {requests(20, seconds(60))}}},
       .outages = {{8, 0.25, 1, 529}, {20, 0.5, 0.3, 529}},
       .priority = 1}};
  s.load = {.shape = Load::Shape::bursty,
            .per_hour = 20'000,
            .cancels = 0.1,
            .streams = 0.4,
            .stops = 0.1,
            .breaks = 0.05,
            .deadlines = 0.1};
  s.targets = {.refused = 0};
  return s;
}

/// A thousand keys of twenty accounts whose limits only headers tell.
std::vector<KeyGroup> accounts_of_fifty(int accounts, WindowKind kind, double burn) {
  return {{.keys = 50 * accounts, .per_account = 50, .truth = {requests(29, seconds(60), kind)}, .burn = burn}};
}

const std::vector<std::string> kModels = {"small-model", "middle-model", "large-model"};

Scenario headers(Headers what, double burn, const char* about, Targets targets) {
  return {.about = about,
          .services = {{.id = "openai",
                        .headers = what,
                        .groups = accounts_of_fifty(10, WindowKind::bucket, burn),
                        .names_organization = true},
                       {.id = "claude",
                        .vendor = Vendor::anthropic,
                        .headers = what,
                        .groups = accounts_of_fifty(10, WindowKind::bucket, burn),
                        .names_organization = true}},
          .load = {.per_hour = kPressure * 20 * 29 * 60,
                   .cancels = 0.02,
                   .streams = 0.1,
                   .stops = 0.1,
                   .breaks = 0.01,
                   .deadlines = 0.05},
          .targets = targets};
}

/// An account has so much of each model.
Scenario by_model() {
  Scenario s = headers(Headers::right, 0, "as `headers`, of which each model has its own", {.refused = 0.005});
  s.load.models = kModels;
  for (ServiceSpec& service : s.services) {
    service.groups = {
        {.keys = 500, .per_account = 50, .truth = {requests(10, seconds(60), WindowKind::bucket)}, .by_model = true}};
  }
  s.load.per_hour = kPressure * 20 * 30 * 60;
  return s;
}

/// Groq states requests by the day and tokens by the minute.
Scenario headers_groq() {
  Scenario s = headers(Headers::right, 0, "limits that only Groq's headers tell: tokens a minute, requests a day",
                       {.refused = 0.005});
  s.services = {
      {.id = "groq",
       .vendor = Vendor::groq,
       .headers = Headers::right,
       .groups = {{.keys = 200,
                   .per_account = 20,
                   .truth = {requests(100'000, hours(24), WindowKind::bucket), tokens(20'000, WindowKind::bucket)}}},
       .ahead = true}};
  s.load.prompt_tokens = 100;
  s.load.prompt_spread = 0.5;
  s.load.max_tokens = 300;
  s.load.per_hour = kPressure * 10 * 20'000 / 410.0 * 60;
  return s;
}

Scenario one_organization(bool named, const char* about) {
  return {.about = about,
          .services = {{.id = "main",
                        .groups = {{.keys = 1000,
                                    .per_account = 1000,
                                    .declared = false,
                                    .truth = {requests(578, seconds(60), WindowKind::bucket)}}},
                        .names_organization = named}},
          .load = {.per_hour = kPressure * 578 * 60, .cancels = 0.02, .streams = 0.1, .breaks = 0.01},
          .targets = {.refused_per_answer = 1}};
}

/// What the provider charges is known only when an answer has ended; the config says `part` of what is true.
Scenario tokens_used(double part, double used) {
  Scenario s = tokens_ahead();
  s.about = "tokens a minute, charged as they are used; the config states " + std::to_string(std::lround(100 * part)) +
            " % of the limit, and callers use " + std::to_string(std::lround(100 * used)) + " % of max_tokens";
  s.services[0].ahead = false;
  s.services[0].charging = ChargingRule{.ahead = false};
  s.services[0].groups = {
      {.keys = 200, .per_account = 2, .stated = {.tpm = std::lround(16'000 * part)}, .truth = {tokens(16'000)}}};
  s.load.used = used;
  s.load.per_hour = 1.5 * 100 * 16'000 / (280 + 600 * used) * 60;
  s.targets = {};
  return s;
}

Scenario budgets() {
  Scenario s;
  s.about = "accounts that may spend so much and no more";
  s.hours = 1;
  s.services = {{.id = "main",
                 .groups = {{.keys = 40, .per_account = 2, .stated = {.max_cost = 0.4}}},
                 .price = Price{.input = 1, .output = 4, .request = 0.001}}};
  s.load = {.per_hour = 40'000,
            .cancels = 0.1,
            .streams = 0.5,
            .stops = 0.1,
            .breaks = 0.05,
            .prompt_tokens = 200,
            .prompt_spread = 0.8,
            .max_tokens = 600};
  return s;
}

Scenario patience() {
  Scenario s;
  s.about = "limits that nobody states, refusals with Retry-After, callers that cancel";
  s.services = {{.id = "main",
                 .groups = {{.keys = 20, .per_account = 2, .truth = {requests(20, seconds(60), WindowKind::fixed)}}}}};
  s.load = {.per_hour = 1.2 * 10 * 20 * 60, .cancels = 0.1, .streams = 0.2};
  s.targets = {.refused = 0.05, .used = 0.8};
  return s;
}

using Make = std::function<Scenario()>;

const std::vector<std::pair<std::string_view, Make>>& all() {
  static const std::vector<std::pair<std::string_view, Make>> kAll = {
      {"stated", stated},
      {"bursty", [] { return shaped(Load::Shape::bursty, "as `stated`, in bursts of four times the mean"); }},
      {"diurnal", [] { return shaped(Load::Shape::diurnal, "as `stated`, by day and by night"); }},
      {"tenants", tenants},
      {"headers", [] { return headers(Headers::right, 0, "limits that only headers tell", {.refused = 0.005}); }},
      {"headers-groq", headers_groq},
      {"headers-models", by_model},
      {"headers-late",
       [] {
         return headers(Headers::late, 0, "as `headers`, which tell what was so some answers ago", {.refused = 0.05});
       }},
      {"headers-partial",
       [] {
         return headers(Headers::partial, 0, "as `headers`, without any on streams and refusals", {.refused = 0.005});
       }},
      {"headers-wrong",
       [] {
         return headers(Headers::wrong, 0, "as `headers`, which say three times too much, or a tenth",
                        {.refused = 0.02});
       }},
      {"burn-10",
       [] {
         return headers(Headers::right, 0.1, "as `headers`, and others use a tenth", {.refused = 0.01, .used = 0.8});
       }},
      {"burn-30",
       [] {
         return headers(Headers::right, 0.3, "as `headers`, and others use three tenths",
                        {.refused = 0.02, .used = 0.8});
       }},
      {"one-org", [] { return one_organization(false, "a thousand keys of one organisation that nobody named"); }},
      {"one-org-named", [] { return one_organization(true, "likewise, and a header names it"); }},
      {"tokens-ahead", tokens_ahead},
      {"tokens-used", [] { return tokens_used(1, 0.5); }},
      {"tokens-used-95", [] { return tokens_used(0.95, 0.5); }},
      {"tokens-used-90", [] { return tokens_used(0.9, 0.5); }},
      {"tokens-used-80", [] { return tokens_used(0.8, 0.5); }},
      {"tokens-brief", [] { return tokens_used(1, 0.1); }},
      {"budgets", budgets},
      {"outages", outages},
      {"patience", patience},
  };
  return kAll;
}

}  // namespace

const std::vector<std::string_view>& scenario_names() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names;
    for (const auto& [name, make] : all()) names.push_back(name);
    return names;
  }();
  return kNames;
}

Scenario make_scenario(std::string_view name, double size, std::optional<double> hours) {
  const auto found = std::find_if(all().begin(), all().end(), [&](const auto& each) { return each.first == name; });
  if (found == all().end()) throw std::invalid_argument("there is no scenario \"" + std::string(name) + '"');
  Scenario scenario = found->second();
  scenario.name = name;
  scenario.hours = hours.value_or(scenario.hours);
  for (ServiceSpec& service : scenario.services) {
    for (KeyGroup& group : service.groups) {
      // A single large account is made smaller; of others there are fewer.
      if (group.keys == group.per_account) {
        group.per_account = std::max(1, static_cast<int>(std::lround(group.keys * size)));
        group.keys = group.per_account;
        for (Truth& truth : group.truth)
          truth.limit = std::max<std::int64_t>(1, std::llround(static_cast<double>(truth.limit) * size));
        continue;
      }
      const double accounts = std::max(1.0, std::round(group.keys * size / group.per_account));
      group.keys = static_cast<int>(accounts) * group.per_account;
    }
  }
  scenario.load.per_hour *= size;
  return scenario;
}

Allowed allowed(const Scenario& scenario) {
  Allowed sum;
  // What not every group limits does not say how much there is.
  bool all_requests = true;
  bool all_tokens = true;
  for (const ServiceSpec& service : scenario.services) {
    for (const KeyGroup& group : service.groups) {
      double by_requests = 0;
      double by_tokens = 0;
      for (const Truth& truth : group.truth) {
        const auto length = static_cast<double>(truth.window.count());
        double windows = scenario.hours * 3600 / length;
        // A day that turns within the run allows its whole on either side of midnight.
        if (truth.window >= std::chrono::hours(24) && truth.kind == WindowKind::fixed) {
          windows = std::floor((scenario.starts_at + scenario.hours) / 24) + 1;
        }
        const double most = static_cast<double>(truth.limit) * windows * (1 - group.burn);
        double& least = truth.measure == Measure::requests ? by_requests : by_tokens;
        least = least > 0 ? std::min(least, most) : most;
      }
      const double times = group.by_model ? static_cast<double>(scenario.load.models.size()) : 1;
      const double accounts = times * static_cast<double>(group.keys) / group.per_account * (1 - group.dead);
      sum.requests += by_requests * accounts;
      sum.tokens += by_tokens * accounts;
      all_requests = all_requests && by_requests > 0;
      all_tokens = all_tokens && by_tokens > 0;
    }
  }
  return {.requests = all_requests ? sum.requests : 0, .tokens = all_tokens ? sum.tokens : 0};
}

}  // namespace keywheel::sim
