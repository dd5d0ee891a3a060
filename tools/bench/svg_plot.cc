#include "tools/bench/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "tools/bench/statistics.h"

namespace fairlead::bench {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 300;
constexpr double kLeft = 70;
constexpr double kRight = 16;
constexpr double kTop = 30;
constexpr double kBarTop = 8;
constexpr double kBottom = 44;
constexpr double kTickText = 40;  // from one below the axis to the next
constexpr size_t kColours = 7;
constexpr size_t kMaxMarkedPoints = 40;

constexpr double kBarHeight = 26;
constexpr double kBarStep = 40;
constexpr double kBarLeft = 190;

// From values to places on the picture.
class Scale {
 public:
  Scale(double low, double high, double from, double to, bool logarithmic)
      : logarithmic_(logarithmic), from_(from), to_(to) {
    low_ = Place(low);
    high_ = Place(high);
    if (high_ <= low_) high_ = low_ + 1;
  }
  double operator()(double value) const {
    return from_ + (Place(value) - low_) / (high_ - low_) * (to_ - from_);
  }

 private:
  double Place(double value) const {
    return logarithmic_ ? std::log10(value) : value;
  }

  bool logarithmic_;
  double from_;
  double to_;
  double low_;
  double high_;
};

std::string Colour(size_t i) { return absl::StrCat("s", i % kColours); }

std::string Text(double x, double y, absl::string_view anchor,
                 absl::string_view text) {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor,
      EscapeHtml(text));
}

std::string Line(absl::string_view css, double x1, double y1, double x2,
                 double y2) {
  return absl::StrFormat(
      "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
      css, x1, y1, x2, y2);
}

// Where ticks of an axis are, and their texts.
std::vector<std::pair<double, std::string>> TicksOf(const Axis& axis,
                                                    double low, double high) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<std::pair<double, std::string>> ticks;
  if (!axis.logarithmic) {
    for (const double at : RoundTicks(low, high, 5)) {
      ticks.emplace_back(at, WithUnit(at, axis.unit));
    }
    return ticks;
  }
  for (double at = std::pow(10, std::floor(std::log10(low))); at <= high * 1.01;
       at *= 10) {
    if (at >= low * 0.99) ticks.emplace_back(at, WithUnit(at, axis.unit));
  }
  return ticks;
}

std::string Legend(const std::vector<std::string>& names,
                   const std::vector<bool>& dashed) {
  std::string legend = "<ul class=\"legend\">";
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&legend, "<li><i class=\"key ", Colour(i),
                    dashed[i] ? " dashed" : "", "\"></i>", EscapeHtml(names[i]),
                    "</li>");
  }
  return legend + "</ul>";
}

std::string Empty() {
  return absl::StrFormat(
      "<svg viewBox=\"0 0 %g 60\" role=\"img\">%s</svg>", kWidth,
      Text(kWidth / 2, 34, "middle", "not measured in this run"));
}

std::string DrawSeries(const Series& series, size_t number, const Axis& x,
                       const Axis& y, const Scale& at_x, const Scale& at_y) {
  std::string path;
  for (const auto& [px, py] : series.points) {
    absl::StrAppendFormat(&path, "%s%.1f,%.1f", path.empty() ? "M" : "L",
                          at_x(px), at_y(py));
  }
  std::string svg = absl::StrFormat(
      "<path class=\"line %s%s\" data-points=\"%d\" d=\"%s\"/>", Colour(number),
      series.is_reference ? " dashed" : "", series.points.size(), path);
  if (series.is_reference || series.points.size() > kMaxMarkedPoints) {
    return svg;
  }
  for (size_t i = 0; i < series.points.size(); ++i) {
    const auto& [px, py] = series.points[i];
    if (i < series.ranges.size()) {
      absl::StrAppend(&svg, Line("range " + Colour(number), at_x(px),
                                 at_y(series.ranges[i].first), at_x(px),
                                 at_y(series.ranges[i].second)));
    }
    absl::StrAppendFormat(
        &svg,
        "<circle class=\"mark %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"
        "<title>%s: %s at %s</title></circle>",
        Colour(number), at_x(px), at_y(py), EscapeHtml(series.name),
        EscapeHtml(WithUnit(py, y.unit)), EscapeHtml(WithUnit(px, x.unit)));
  }
  return svg;
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::vector<double> RoundTicks(double low, double high, int count) {
  if (!(high > low)) return {low};
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + step * 1e-9; ++i) {
    ticks.push_back(i * step + 0.0);  // no -0
  }
  return ticks;
}

std::string LinePlot(const Axis& x, const Axis& y,
                     const std::vector<Series>& series) {
  double low_x = HUGE_VAL;
  double high_x = -HUGE_VAL;
  double low_y = HUGE_VAL;
  double high_y = -HUGE_VAL;
  const auto include_y = [&](double value) {
    low_y = std::min(low_y, value);
    high_y = std::max(high_y, value);
  };
  for (const Series& s : series) {
    for (const auto& [px, py] : s.points) {
      low_x = std::min(low_x, px);
      high_x = std::max(high_x, px);
      include_y(py);
    }
    for (const auto& [low, high] : s.ranges) {
      include_y(low);
      include_y(high);
    }
  }
  if (low_x > high_x) return Empty();
  if (y.logarithmic) {
    low_y /= 1.2;
    high_y *= 1.2;
  } else {
    low_y = std::min(low_y, 0.0);
    high_y *= 1.08;
  }
  const Scale at_x(low_x, high_x, kLeft, kWidth - kRight, x.logarithmic);
  const Scale at_y(low_y, high_y, kHeight - kBottom, kTop, y.logarithmic);
  std::string svg = absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\">",
                                    kWidth, kHeight);
  for (const auto& [value, text] : TicksOf(y, low_y, high_y)) {
    if (value > high_y || value < low_y) continue;
    absl::StrAppend(
        &svg, Line("grid", kLeft, at_y(value), kWidth - kRight, at_y(value)),
        Text(kLeft - 8, at_y(value) + 4, "end", text));
  }
  double next = std::numeric_limits<double>::infinity();
  std::vector<std::pair<double, std::string>> x_ticks =
      TicksOf(x, low_x, high_x);
  for (auto it = x_ticks.rbegin(); it != x_ticks.rend(); ++it) {
    const auto& [value, text] = *it;
    if (value > high_x || value < low_x) continue;
    const double at = at_x(value);
    absl::StrAppend(
        &svg, Line("axis", at, kHeight - kBottom, at, kHeight - kBottom + 5));
    if (next - at < kTickText) continue;  // the next one's text is there
    absl::StrAppend(&svg, Text(at, kHeight - kBottom + 18, "middle", text));
    next = at;
  }
  absl::StrAppend(
      &svg,
      Line("axis", kLeft, kHeight - kBottom, kWidth - kRight,
           kHeight - kBottom),
      Text((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", x.label),
      Text(4, 14, "start", y.label));
  std::vector<std::string> names;
  std::vector<bool> dashed;
  for (size_t i = 0; i < series.size(); ++i) {
    absl::StrAppend(&svg, DrawSeries(series[i], i, x, y, at_x, at_y));
    names.push_back(series[i].name);
    dashed.push_back(series[i].is_reference);
  }
  absl::StrAppend(&svg, "</svg>");
  if (series.size() > 1) absl::StrAppend(&svg, Legend(names, dashed));
  return svg;
}

std::string StackedBars(const Axis& x, const std::vector<std::string>& parts,
                        const std::vector<Bar>& bars) {
  double high = 0;
  for (const Bar& bar : bars) {
    double sum = 0;
    for (const double part : bar.parts) sum += part;
    high = std::max(high, sum);
  }
  if (!(high > 0)) return Empty();
  const double height =
      kBarTop + kBarStep * static_cast<double>(bars.size()) + kBottom;
  const Scale at(0, high * 1.12, kBarLeft, kWidth - kRight, false);
  std::string svg = absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\">",
                                    kWidth, height);
  for (const auto& [value, text] : TicksOf(x, 0, high * 1.12)) {
    absl::StrAppend(
        &svg, Line("grid", at(value), kBarTop, at(value), height - kBottom),
        Text(at(value), height - kBottom + 18, "middle", text));
  }
  absl::StrAppend(&svg,
                  Text((kBarLeft + kWidth) / 2, height - 6, "middle", x.label));
  for (size_t i = 0; i < bars.size(); ++i) {
    const double top =
        kTop + kBarStep * static_cast<double>(i) + (kBarStep - kBarHeight) / 2;
    absl::StrAppend(&svg, Text(kBarLeft - 8, top + kBarHeight / 2 + 4, "end",
                               bars[i].name));
    double sum = 0;
    for (size_t p = 0; p < bars[i].parts.size(); ++p) {
      const double part = bars[i].parts[p];
      if (part <= 0) continue;
      absl::StrAppendFormat(
          &svg,
          "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
          "height=\"%g\"><title>%s, %s: %s</title></rect>",
          Colour(p), at(sum) + 1, top,
          std::max(0.5, at(sum + part) - at(sum) - 2), kBarHeight,
          EscapeHtml(bars[i].name), EscapeHtml(parts[p]),
          EscapeHtml(WithUnit(part, x.unit)));
      sum += part;
    }
    absl::StrAppend(&svg, Text(at(sum) + 6, top + kBarHeight / 2 + 4, "start",
                               WithUnit(sum, x.unit)));
  }
  return absl::StrCat(svg, "</svg>",
                      Legend(parts, std::vector<bool>(parts.size(), false)));
}

}  // namespace fairlead::bench
