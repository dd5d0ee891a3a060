#ifndef FAIRLEAD_LIBS_SAMPLING_FAKE_EDGES_H_
#define FAIRLEAD_LIBS_SAMPLING_FAKE_EDGES_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace fairlead::testing {

// The edges of a graph, and how often they were asked about.
class FakeEdges {
 public:
  using Pairs = std::set<std::pair<int64_t, int64_t>>;

  FakeEdges() = default;
  explicit FakeEdges(Pairs edges) : edges_(std::move(edges)) {}

  // All but one pair in `sources` times `destinations`.
  static FakeEdges AllBut(int64_t sources, int64_t destinations,
                          std::pair<int64_t, int64_t> missing) {
    FakeEdges all;
    for (int64_t i = 0; i < sources; ++i) {
      for (int64_t j = 0; j < destinations; ++j) all.edges_.insert({i, j});
    }
    all.edges_.erase(missing);
    return all;
  }
  static FakeEdges All(int64_t sources, int64_t destinations) {
    return AllBut(sources, destinations, {-1, -1});
  }

  bool Has(int64_t src, int64_t dst) const {
    return edges_.contains({src, dst});
  }

  absl::Status operator()(absl::Span<const int64_t> src,
                          absl::Span<const int64_t> dst,
                          absl::Span<bool> exists) const {
    asked_.push_back(src.size());
    EXPECT_EQ(src.size(), dst.size());
    EXPECT_EQ(src.size(), exists.size());
    for (size_t i = 0; i < src.size(); ++i) {
      EXPECT_FALSE(exists[i]);
      if (Has(src[i], dst[i])) exists[i] = true;
    }
    return absl::OkStatus();
  }

  // How many pairs each call asked about.
  const std::vector<size_t>& asked() const { return asked_; }

 private:
  Pairs edges_;
  mutable std::vector<size_t> asked_;  // (called as const: FunctionRef)
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_FAKE_EDGES_H_
