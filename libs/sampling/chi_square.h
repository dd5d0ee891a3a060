#ifndef FAIRLEAD_LIBS_SAMPLING_CHI_SQUARE_H_
#define FAIRLEAD_LIBS_SAMPLING_CHI_SQUARE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead::testing {

// Pearson's chi-square statistic, added up over any number of independent
// experiments.
class ChiSquare {
 public:
  // What was counted of each outcome, and its exact probability; these add up
  // to 1. Outcomes expected less than five times are taken as one, as the
  // statistic is no chi-square otherwise; what is impossible must not be seen.
  void Add(const std::vector<int64_t>& counts,
           const std::vector<double>& probabilities) {
    double total = 0;
    for (const int64_t count : counts) total += static_cast<double>(count);
    double rare_count = 0;
    double rare_expected = 0;
    int outcomes = 0;
    const auto add = [&](double count, double expected) {
      statistic_ += (count - expected) * (count - expected) / expected;
      ++outcomes;
    };
    for (size_t i = 0; i < counts.size(); ++i) {
      const auto count = static_cast<double>(counts[i]);
      const double expected = total * probabilities[i];
      if (probabilities[i] == 0) {
        saw_impossible_ |= counts[i] != 0;
      } else if (expected < 5) {
        rare_count += count;
        rare_expected += expected;
      } else {
        add(count, expected);
      }
    }
    if (rare_expected >= 5) add(rare_count, rare_expected);
    if (outcomes > 1) degrees_of_freedom_ += outcomes - 1;
  }

  int degrees_of_freedom() const { return degrees_of_freedom_; }

  // As many standard deviations from the mean as a normal variable that is as
  // unlikely (Wilson, Hilferty 1931): a fair generator is above 3.09 with
  // probability 0.001. Infinite if something impossible was seen.
  double Deviations() const {
    if (saw_impossible_) return INFINITY;
    const double k = degrees_of_freedom_;
    return (std::cbrt(statistic_ / k) - (1 - 2 / (9 * k))) /
           std::sqrt(2 / (9 * k));
  }

 private:
  double statistic_ = 0;
  int degrees_of_freedom_ = 0;
  bool saw_impossible_ = false;
};

// The significance of the tests here: p = 0.001, one-sided.
inline constexpr double kMaxDeviations = 3.09;

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_CHI_SQUARE_H_
