#include "sim/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include <fmt/format.h>

namespace keywheel::sim {
namespace {

constexpr double kWidth = 960;
constexpr double kHeight = 420;
constexpr double kLeft = 70;
constexpr double kRight = 20;
constexpr double kTop = 60;
constexpr double kBottom = 50;

struct Line {
  const char* name;
  const char* colour;
  const char* dash;
  std::function<double(const Bucket&)> value;
};

/// 1, 2 or 5 times a power of ten, so that about five of them make `most`.
double step_of(double most) {
  const double rough = std::max(most, 1e-9) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (rough <= times * power) return times * power;
  }
  return 10 * power;
}

}  // namespace

std::string chart(const Scenario& scenario, const Outcome& outcome) {
  const Tally& tally = outcome.tally;
  const double minutes = scenario.hours * 60 / static_cast<double>(Tally::kBuckets);
  const double allowed = outcome.allowed.requests / (scenario.hours * 60);
  const auto a_minute = [minutes](std::uint64_t count) { return static_cast<double>(count) / minutes; };
  const std::array<Line, 5> lines = {{
      {"calls offered", "#9aa5b1", "none", [&](const Bucket& b) { return a_minute(b.offered); }},
      {"allowed", "#2f8132", "6 4", [&](const Bucket&) { return allowed; }},
      {"requests sent", "#0967d2", "none", [&](const Bucket& b) { return a_minute(b.sent); }},
      {"calls without room in time", "#cb6e17", "none", [&](const Bucket& b) { return a_minute(b.turned_away); }},
      {"429s", "#ba2525", "none", [&](const Bucket& b) { return a_minute(b.refused); }},
  }};
  double most = allowed;
  for (const Bucket& bucket : tally.buckets) {
    for (const Line& line : lines) most = std::max(most, line.value(bucket));
  }
  const double step = step_of(most);
  const double top = std::ceil(most / step) * step;
  const auto x_of = [&](double part) { return kLeft + part * (kWidth - kLeft - kRight); };
  const auto y_of = [&](double value) { return kHeight - kBottom - value / top * (kHeight - kTop - kBottom); };

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"22\" font-size=\"15\">{3}, seed {4}: {5} sent, {6} 429s, {7:.1f} % of what is allowed "
      "used</text>\n",
      kWidth, kHeight, kLeft, scenario.name, outcome.seed, tally.sent, tally.refused, 100 * outcome.used());
  for (double value = 0; value <= top * 1.0001; value += step) {
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#e4e7eb\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
        kLeft, kWidth - kRight, y_of(value), y_of(value), kLeft - 8, y_of(value) + 4, value);
  }
  const double hour_step = std::max(step_of(scenario.hours), scenario.hours / 24);
  for (double hour = 0; hour <= scenario.hours * 1.0001; hour += hour_step) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g} h</text>\n",
                       x_of(hour / scenario.hours), kHeight - kBottom + 18, hour);
  }
  svg += fmt::format(
      "<text x=\"14\" y=\"{:.1f}\" transform=\"rotate(-90 14 {:.1f})\" text-anchor=\"middle\">a minute"
      "</text>\n",
      (kTop + kHeight - kBottom) / 2, (kTop + kHeight - kBottom) / 2);
  double legend = kLeft;
  for (const Line& line : lines) {
    std::string points;
    for (std::size_t i = 0; i < tally.buckets.size(); ++i) {
      points += fmt::format("{:.1f},{:.1f} ", x_of((static_cast<double>(i) + 0.5) / Tally::kBuckets),
                            y_of(line.value(tally.buckets[i])));
    }
    svg += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" stroke-dasharray=\"{}\" points=\"{}\"/>\n",
        line.colour, line.dash, points);
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"40\" y2=\"40\" stroke=\"{2}\" stroke-width=\"3\" stroke-dasharray=\"{3}\"/>"
        "<text x=\"{4}\" y=\"44\">{5}</text>\n",
        legend, legend + 24, line.colour, line.dash, legend + 30, line.name);
    legend += 60 + 6.6 * static_cast<double>(std::char_traits<char>::length(line.name));
  }
  return svg + "</svg>\n";
}

}  // namespace keywheel::sim
