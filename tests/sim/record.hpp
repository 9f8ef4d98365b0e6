#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <keywheel/transport.hpp>

#include "sim/scenario.hpp"

/// What the parts of one simulation know in common: the keys, the accounts and the calls.

namespace keywheel::sim {

struct Key {
  std::uint32_t service = 0;
  std::uint32_t account = 0;  ///< what is true holds for it
  std::uint32_t group = 0;    ///< of its service
  bool dead = false;
};

struct Account {
  std::uint32_t service = 0;
  std::uint32_t group = 0;
  std::uint32_t first_key = 0;
  std::uint32_t keys = 0;
};

/// What a caller wants, and what the provider will find it to be.
struct CallSpec {
  std::uint32_t tenant = 0;
  std::uint32_t model = 0;
  std::int64_t prompt = 0;      ///< tokens, as the provider counts them
  std::int64_t completion = 0;  ///< that the answer will have
  std::int64_t max_tokens = 0;
  bool stream = false;
  bool breaks = false;        ///< its stream will break off
  std::int32_t stop_at = -1;  ///< the callback stops at this event
  TimePoint started{};
  std::optional<TimePoint> deadline{};
};

struct World {
  const Scenario* scenario = nullptr;
  std::uint64_t seed = 1;
  std::vector<Key> keys{};
  std::vector<Account> accounts{};
  std::vector<CallSpec> calls{};

  [[nodiscard]] const ServiceSpec& service(const Key& key) const { return scenario->services[key.service]; }
  [[nodiscard]] const KeyGroup& group(const Key& key) const { return service(key).groups[key.group]; }
};

[[nodiscard]] World make_world(const Scenario& scenario, std::uint64_t seed);

/// Key and call of a request, as they are written into it.
[[nodiscard]] std::string key_text(std::uint32_t key);
[[nodiscard]] std::string prompt_text(std::uint32_t call, std::int64_t tokens);
struct Label {
  std::uint32_t key = 0;
  std::uint32_t call = 0;
};
[[nodiscard]] Label label_of(const HttpRequest& request);

}  // namespace keywheel::sim
