#ifndef FAIRLEAD_LIBS_LOADER_COLLOCATED_LOADERS_FIXTURE_H_
#define FAIRLEAD_LIBS_LOADER_COLLOCATED_LOADERS_FIXTURE_H_

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/loader/batch.h"
#include "libs/loader/dist_loader.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"

// Loaders on batches that are really sampled, by collocated workers: the graph
// is the one of parity 6.1-G11.
//
//   3 ── 1 ── 0
//        │  ╱
//   4 ── 2
namespace fairlead::testing {

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

inline const EdgeTypeName kTo = {"node", "to", "node"};
inline const EdgeTypeName kPositive = {"node", "to_gigl_positive", "node"};
inline const EdgeTypeName kNegative = {"node", "to_gigl_negative", "node"};

inline DatasetContents G11() {
  DatasetContents contents;
  contents.name = "g11";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = 5;
  nodes.feature_dim = 1;
  nodes.features = {0, 10, 20, 30, 40};
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = kTo;
  for (const auto& [a, b] : Pairs{{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 4}}) {
    edges.edges.emplace_back(a, b);
    edges.edges.emplace_back(b, a);
  }
  return contents;
}

// With labels for 0 and 1; nothing is passed along these.
inline DatasetContents WithLabels() {
  DatasetContents contents = G11();
  DatasetContents::Edges& positive = contents.edges.emplace_back();
  positive.name = kPositive;
  positive.edges = {{0, 3}, {1, 4}, {1, 0}};
  DatasetContents::Edges& negative = contents.edges.emplace_back();
  negative.name = kNegative;
  negative.edges = {{0, 4}};
  return contents;
}

inline std::vector<int64_t> Values(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const auto* const begin = dense.data_ptr<int64_t>();
  return {begin, begin + dense.numel()};
}

// The columns of a tensor [2, E], by the ids of what its rows are places in.
inline Pairs Columns(const at::Tensor& pairs, const at::Tensor& firsts,
                     const at::Tensor& seconds) {
  const std::vector<int64_t> values = Values(pairs);
  const std::vector<int64_t> a = Values(firsts);
  const std::vector<int64_t> b = Values(seconds);
  const size_t columns = values.size() / 2;
  Pairs ids;
  for (size_t i = 0; i < columns; ++i) {
    ids.emplace_back(a[static_cast<size_t>(values[i])],
                     b[static_cast<size_t>(values[columns + i])]);
  }
  return ids;
}

class CollocatedLoadersTest : public ::testing::Test {
 protected:
  absl::StatusOr<DistDataset> Load(const DatasetContents& contents) {
    std::string folder =
        std::string(std::getenv("TEST_TMPDIR")) + "/dataset-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) {
      return absl::InternalError("no folder can be made");
    }
    FAIRLEAD_RETURN_IF_ERROR(WriteDataset(folder, contents));
    return DistDataset::Load(folder, 0);
  }

  // All seeds in one batch, in order.
  template <typename Options>
  static Options Of(std::vector<int64_t> seeds) {
    Options options;
    options.input_nodes = InputNodes::Ids(std::move(seeds));
    options.batch_size = 5;
    options.to_device = "cpu";
    options.worker_options = CollocatedWorkerOptions();
    return options;
  }

  // Those of an epoch, by their index.
  template <typename Loader>
  static absl::StatusOr<std::vector<Batch>> Batches(
      const DistDataset& dataset, const typename Loader::Options& options) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto loader,
                              Loader::Create(&dataset, options));
    FAIRLEAD_ASSIGN_OR_RETURN(EpochRange epoch, loader->Epoch());
    std::vector<Batch> batches;
    for (const Batch& batch : epoch) batches.push_back(batch);
    FAIRLEAD_RETURN_IF_ERROR(epoch.status());
    return batches;
  }

  // The only batch of an epoch.
  template <typename Loader>
  static absl::StatusOr<Batch> OnlyBatch(
      const DistDataset& dataset, const typename Loader::Options& options) {
    FAIRLEAD_ASSIGN_OR_RETURN(std::vector<Batch> batches,
                              Batches<Loader>(dataset, options));
    EXPECT_EQ(batches.size(), 1u);
    return batches.at(0);
  }
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_LOADER_COLLOCATED_LOADERS_FIXTURE_H_
