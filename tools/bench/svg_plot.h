#ifndef FAIRLEAD_TOOLS_BENCH_SVG_PLOT_H_
#define FAIRLEAD_TOOLS_BENCH_SVG_PLOT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace fairlead::bench {

// Plots as SVG to stand in a page whose style gives the classes s0, s1, ...
// their colours, so that one picture serves light and dark. Pure: the same data
// gives the same bytes. A point tells its numbers when the pointer rests on it.

// How numbers of an axis are placed and written.
struct Axis {
  std::string label;
  std::string unit = "";     // as WithUnit's
  bool logarithmic = false;  // REQUIRES values above 0
  // Where ticks are, in place of round numbers: value and text.
  std::vector<std::pair<double, std::string>> ticks = {};
};

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // by x
  // Lowest and highest of what each point is the median of; or empty.
  std::vector<std::pair<double, double>> ranges = {};
  bool is_reference = false;  // dashed: a goal or a floor
};

// Lines with a mark at each point, where there are few, and a legend where
// there are several. Empty data gives a picture that says so.
std::string LinePlot(const Axis& x, const Axis& y,
                     const std::vector<Series>& series);

// Bars that lie, each of parts with a name of `parts`.
struct Bar {
  std::string name;
  std::vector<double> parts;
};
std::string StackedBars(const Axis& x, const std::vector<std::string>& parts,
                        const std::vector<Bar>& bars);

// Round numbers that divide [low, high] into about `count` parts.
std::vector<double> RoundTicks(double low, double high, int count);

// For text and attributes of HTML.
std::string EscapeHtml(absl::string_view text);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_SVG_PLOT_H_
