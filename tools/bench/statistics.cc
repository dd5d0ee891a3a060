#include "tools/bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fairlead::bench {
namespace {

// Three digits that count, in whichever of the units is the right size.
std::string Scaled(double value,
                   const std::vector<std::pair<double, const char*>>& units) {
  size_t unit = 0;
  while (unit + 1 < units.size() && std::abs(value) < units[unit].first) ++unit;
  const double scaled = value / units[unit].first;
  const int digits = std::abs(scaled) >= 99.95   ? 0
                     : std::abs(scaled) >= 9.995 ? 1
                                                 : 2;
  return absl::StrFormat("%.*f %s", digits, scaled, units[unit].second);
}

}  // namespace

double Quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  const double place = at * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, values.size() - 1);
  const double part = place - static_cast<double>(below);
  return values[below] + part * (values[above] - values[below]);
}

double Median(std::vector<double> values) {
  return Quantile(std::move(values), 0.5);
}

Comparison Compare(const std::vector<double>& before,
                   const std::vector<double>& after) {
  Comparison comparison{.before = Median(before),
                        .after = Median(after),
                        .lowest = std::numeric_limits<double>::infinity()};
  comparison.ratio = comparison.after / comparison.before;
  comparison.has_spread = before.size() > 1 && after.size() > 1;
  for (const double old_value : before) {
    for (const double new_value : after) {
      comparison.lowest = std::min(comparison.lowest, new_value / old_value);
      comparison.highest = std::max(comparison.highest, new_value / old_value);
    }
  }
  return comparison;
}

std::string Comparison::ToString() const {
  if (!has_spread) return absl::StrFormat("%.2f, measured once", ratio);
  return absl::StrFormat("%.2f (%.2f to %.2f)%s", ratio, lowest, highest,
                         is_inside_noise() ? ", inside noise" : "");
}

std::string WithUnit(double value, const std::string& unit) {
  if (unit == "s") {
    return Scaled(value, {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}});
  }
  if (unit == "bytes" || unit == "bytes/s") {
    const std::string text =
        Scaled(value, {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}});
    return unit == "bytes" ? text : absl::StrCat(text, "/s");
  }
  if (unit == "1/s") {
    return Scaled(value, {{1e6, "M/s"}, {1e3, "k/s"}, {1, "/s"}});
  }
  if (unit == "cores") return absl::StrFormat("%.4f cores", value);
  return std::abs(value) >= 100 ? absl::StrFormat("%.0f", value)
                                : absl::StrFormat("%.3g", value);
}

}  // namespace fairlead::bench
