#ifndef FAIRLEAD_LIBS_SAMPLING_PARTITIONED_DATASET_H_
#define FAIRLEAD_LIBS_SAMPLING_PARTITIONED_DATASET_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/neighbor_gather.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {

// One graph as a whole and in partitions, to see that samplers do not tell the
// difference.
//
//   FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole, WriteWhole(contents));
//   FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto parts,
//       PartitionedDataset::Create(*whole, 3, BookKind::kTable));
//   NeighborSampler sampler(parts.partition(1));
//   ASSERT_THAT(parts.Run(sampler, options, request, &out), IsOk());

// Written to a new folder of TempDir(), and loaded.
absl::StatusOr<std::unique_ptr<const Dataset>> WriteWhole(
    DatasetContents contents);

enum class BookKind {
  kRange,  // REQUIRES ids that are a range from 0
  kTable,  // owners as they come
  kHash,
};

class PartitionedDataset {
 public:
  // None.
  PartitionedDataset() = default;

  // `whole` in `partitions` folders in a new folder of TempDir(): each node
  // with its list of edges in its order, its rows and its splits, each edge's
  // features with it. Nodes are all partitions' alike, but for chance.
  static absl::StatusOr<PartitionedDataset> Create(const Dataset& whole,
                                                   uint32_t partitions,
                                                   BookKind kind);

  uint32_t num_partitions() const {
    return static_cast<uint32_t>(partitions_.size());
  }
  const Dataset& partition(uint32_t p) const { return *partitions_[p]; }

  // Answers each fetch as the partition that it is for would.
  absl::Status Answer(std::vector<NeighborFetch>& fetches) const;

  // A batch from Begin to its end.
  template <typename Sampler, typename... Arguments>
  absl::Status Run(Sampler& sampler, const Arguments&... arguments) const {
    FAIRLEAD_ASSIGN_OR_RETURN(bool done, sampler.Begin(arguments...));
    while (!done) {
      FAIRLEAD_RETURN_IF_ERROR(Answer(sampler.fetches()));
      FAIRLEAD_ASSIGN_OR_RETURN(done, sampler.Resume());
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::unique_ptr<const Dataset>> partitions_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_PARTITIONED_DATASET_H_
