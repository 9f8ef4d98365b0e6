#include "sim/record.hpp"

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sim/dice.hpp"

namespace keywheel::sim {
namespace {

constexpr std::string_view kKey = "sk-sim-";
constexpr std::string_view kCall = "call=";

std::uint32_t number_after(std::string_view text, std::string_view lead) {
  const std::size_t at = text.find(lead);
  std::uint32_t number = 0;
  if (at == std::string_view::npos) throw std::logic_error("simulation: a request without " + std::string(lead));
  const char* begin = text.data() + at + lead.size();
  if (std::from_chars(begin, text.data() + text.size(), number).ec != std::errc()) {
    throw std::logic_error("simulation: no number after " + std::string(lead));
  }
  return number;
}

}  // namespace

World make_world(const Scenario& scenario, std::uint64_t seed) {
  World world{.scenario = &scenario, .seed = seed};
  Dice dice = Dice(seed).fork(1);
  for (std::uint32_t s = 0; s < scenario.services.size(); ++s) {
    const std::vector<KeyGroup>& groups = scenario.services[s].groups;
    for (std::uint32_t g = 0; g < groups.size(); ++g) {
      for (int i = 0; i < groups[g].keys; ++i) {
        const auto key = static_cast<std::uint32_t>(world.keys.size());
        if (i % groups[g].per_account == 0) world.accounts.push_back({s, g, key, 0});
        ++world.accounts.back().keys;
        const auto account = static_cast<std::uint32_t>(world.accounts.size() - 1);
        world.keys.push_back({s, account, g, dice.chance(groups[g].dead)});
      }
    }
  }
  return world;
}

std::string key_text(std::uint32_t key) { return fmt::format("{}{:06}", kKey, key); }

// One token a word, which is what they are and what the Router takes them for; the label is five.
std::string prompt_text(std::uint32_t call, std::int64_t tokens) {
  std::string text = fmt::format("{}{:08}", kCall, call);
  text.reserve(text.size() + static_cast<std::size_t>(tokens) * 4);
  for (std::int64_t i = 5; i < tokens; ++i) text += " and";
  return text;
}

Label label_of(const HttpRequest& request) {
  for (const HttpHeader& header : request.headers) {
    if (header.value.find(kKey) != std::string::npos) {
      return {number_after(header.value, kKey), number_after(request.body, kCall)};
    }
  }
  throw std::logic_error("simulation: a request without a key");
}

}  // namespace keywheel::sim
