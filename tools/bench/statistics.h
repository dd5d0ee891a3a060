#ifndef FAIRLEAD_TOOLS_BENCH_STATISTICS_H_
#define FAIRLEAD_TOOLS_BENCH_STATISTICS_H_

#include <string>
#include <vector>

namespace fairlead::bench {

// By linear interpolation between neighbours; `at` from 0 to 1. REQUIRES a
// value.
double Quantile(std::vector<double> values, double at);
double Median(std::vector<double> values);

// What became of a figure that was measured several times in each of two runs.
struct Comparison {
  double before = 0;  // medians
  double after = 0;
  double ratio = 0;  // after / before
  // Of the ratios of every value after to every value before.
  double lowest = 0;
  double highest = 0;

  bool has_spread = false;  // several values on both sides

  // Whether some value after lies on the one side of a value before and
  // another on the other, or nobody can know: then nothing is known to have
  // changed.
  bool is_inside_noise() const {
    return !has_spread || (lowest <= 1 && highest >= 1);
  }

  // "1.12 (1.05 to 1.17)", or "0.99 (0.93 to 1.04), inside noise", or "1.20,
  // measured once".
  std::string ToString() const;
};

// REQUIRES values on both sides, all above 0.
Comparison Compare(const std::vector<double>& before,
                   const std::vector<double>& after);

// "12.3 GB/s", "870 ns", "28.4": a figure in the units of its name, one of
// "s", "bytes", "bytes/s", "1/s", "cores", "ratio" and "".
std::string WithUnit(double value, const std::string& unit);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_STATISTICS_H_
