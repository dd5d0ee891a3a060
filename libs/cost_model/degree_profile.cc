#include "libs/cost_model/degree_profile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/id_array.h"

namespace fairlead {
namespace {

constexpr int64_t kExactDegrees = 64;
constexpr double kBinsPerDoubling = 11.4;  // 1/16 apart

// Poisson's tail beyond this many standard deviations is left out.
constexpr double kDeviations = 6;
// Above this mean a list is as good as its mean: of all fanouts that anybody
// draws, hardly one is above it.
constexpr double kLargeMean = 1000;

int BinOf(int64_t degree) {
  if (degree <= kExactDegrees) return static_cast<int>(degree);
  const double doublings = std::log2(static_cast<double>(degree) /
                                     static_cast<double>(kExactDegrees));
  return static_cast<int>(kExactDegrees) + 1 +
         static_cast<int>(doublings * kBinsPerDoubling);
}

DegreeProfile OfClasses(std::vector<DegreeClass> classes) {
  DegreeProfile profile;
  profile.classes = std::move(classes);
  for (const DegreeClass& c : profile.classes) {
    profile.nodes += c.nodes;
    profile.edges += c.nodes * c.list;
  }
  return profile;
}

}  // namespace

DegreeProfile DegreeProfile::Of(const IdArray& indptr, const IdArray& indices) {
  const size_t nodes = indptr.empty() ? 0 : indptr.size() - 1;
  std::vector<uint32_t> listed(nodes, 0);
  indices.Visit([&](const auto* ids) {
    for (size_t i = 0; i < indices.size(); ++i) {
      ++listed[static_cast<size_t>(ids[i])];
    }
  });
  std::map<std::pair<int, int>, DegreeClass> bins;
  for (size_t node = 0; node < nodes; ++node) {
    const int64_t degree = indptr[node + 1] - indptr[node];
    DegreeClass& bin = bins[{BinOf(degree), BinOf(listed[node])}];
    bin.nodes += 1;
    bin.list += static_cast<double>(degree);
    bin.listed += listed[node];
  }
  std::vector<DegreeClass> classes;
  classes.reserve(bins.size());
  for (const auto& [unused, bin] : bins) {
    classes.push_back({.nodes = bin.nodes,
                       .list = bin.list / bin.nodes,
                       .listed = bin.listed / bin.nodes});
  }
  DegreeProfile profile = OfClasses(std::move(classes));
  profile.id_bytes = static_cast<double>(indices.element_bytes());
  return profile;
}

absl::StatusOr<DegreeProfile> DegreeProfile::OfHistogram(
    absl::Span<const std::pair<double, double>> histogram) {
  std::vector<DegreeClass> classes;
  double all = 0;
  for (const auto& [degree, nodes] : histogram) {
    if (!(degree >= 0) || !(nodes >= 0) || !std::isfinite(degree) ||
        !std::isfinite(nodes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("degree histogram: ", nodes, " nodes of degree ", degree,
                       ": must be 0 or more, both"));
    }
    all += nodes;
    classes.push_back({.nodes = nodes, .list = degree, .listed = degree});
  }
  if (!(all > 0)) {
    return absl::InvalidArgumentError("degree histogram: has no nodes");
  }
  return OfClasses(std::move(classes));
}

absl::StatusOr<DegreeProfile> DegreeProfile::OfKronecker(double nodes,
                                                         double edges,
                                                         double skew) {
  if (!(nodes >= 1) || !(edges >= 0) || !std::isfinite(nodes) ||
      !std::isfinite(edges)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a graph of ", nodes, " nodes and ", edges,
                     " edges: needs one node, and no fewer edges than 0"));
  }
  if (!(skew >= 0.5 && skew < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("skew: must be at least 0.5 and less than 1, got ", skew));
  }
  // A node with k of `bits` bits 0 is an edge's end with probability
  // skew^k (1 - skew)^(bits - k), and there are (bits over k) of them.
  const int bits = static_cast<int>(std::round(std::log2(nodes)));
  const double scale = nodes / std::exp2(bits);
  std::vector<DegreeClass> classes;
  for (int k = 0; k <= bits; ++k) {
    const double log_choose =
        std::lgamma(bits + 1) - std::lgamma(k + 1) - std::lgamma(bits - k + 1);
    const double count = std::exp(log_choose) * scale;
    const double mean =
        edges / scale *
        std::exp(k * std::log(skew) + (bits - k) * std::log1p(-skew));
    if (mean > kLargeMean) {
      classes.push_back({.nodes = count, .list = mean, .listed = mean});
      continue;
    }
    // Lists of such nodes are Poisson's: many of them may be empty.
    const double reach = kDeviations * (std::sqrt(mean) + 1);
    const auto first =
        static_cast<int64_t>(std::max(0.0, std::floor(mean - reach)));
    const auto last = static_cast<int64_t>(std::ceil(mean + reach));
    for (int64_t degree = first; degree <= last; ++degree) {
      const auto d = static_cast<double>(degree);
      const double chance =
          mean > 0 ? std::exp(d * std::log(mean) - mean - std::lgamma(d + 1))
                   : (degree == 0 ? 1.0 : 0.0);
      if (chance <= 0) continue;
      classes.push_back({.nodes = count * chance, .list = d, .listed = mean});
    }
  }
  return OfClasses(std::move(classes));
}

}  // namespace fairlead
