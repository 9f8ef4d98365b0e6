#pragma once

#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/validate.hpp"

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Collects the faults of one object of a config.
class Faults {
 public:
  Faults(std::vector<ConfigFault>& all, std::string path) : all_(all), path_(std::move(path)) {}

  [[nodiscard]] Faults at(std::string_view member) const {
    return {all_, path_.empty() ? std::string(member) : fmt::format("{}.{}", path_, member)};
  }
  [[nodiscard]] Faults at(std::string_view list, std::size_t index) const {
    return at(fmt::format("{}[{}]", list, index));
  }

  void add(std::string text) const { all_.push_back({path_, std::move(text)}); }
  void add(std::string_view member, std::string text) const { at(member).add(std::move(text)); }

  template <class T>
  void not_negative(std::string_view member, T value) const {
    if (value < 0) add(member, fmt::format("expected 0 or more, came {}", value));
  }
  void not_negative(std::string_view member, double value) const {
    if (!std::isfinite(value) || value < 0) add(member, fmt::format("expected 0 or more, came {}", value));
  }
  void not_negative(std::string_view member, std::chrono::milliseconds value) const {
    if (value.count() < 0) add(member, fmt::format("expected 0 or more, came {} ms", value.count()));
  }
  template <class T>
  void at_least_one(std::string_view member, T value) const {
    if (value < 1) add(member, fmt::format("expected 1 or more, came {}", value));
  }

 private:
  std::vector<ConfigFault>& all_;
  std::string path_;
};

}  // namespace detail
KEYWHEEL_END_NAMESPACE
