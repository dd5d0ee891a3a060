#include "integration_tests/harness/test_dataset.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/graph/dataset_writer.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {
namespace {

constexpr int64_t kPapers = 600;
constexpr int64_t kAuthors = 200;

// `count` edges between nodes that follow from `salt`.
std::vector<std::pair<int64_t, int64_t>> Edges(int64_t count, int64_t sources,
                                               int64_t targets, uint64_t salt) {
  std::vector<std::pair<int64_t, int64_t>> edges;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t random = SplitMix64(salt + static_cast<uint64_t>(i));
    edges.emplace_back(random % static_cast<uint64_t>(sources),
                       (random >> 32) % static_cast<uint64_t>(targets));
  }
  return edges;
}

absl::Status RunDatasetTool(const std::vector<std::string>& arguments) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Outcome outcome,
                            RunProgram("tools/dataset", arguments));
  if (outcome.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("tools/dataset: ", outcome.err));
}

// The ids [begin, end) of every ten.
std::vector<int64_t> Split(int64_t begin, int64_t end) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < kPapers; ++id) {
    if (id % 10 >= begin && id % 10 < end) ids.push_back(id);
  }
  return ids;
}

}  // namespace

absl::StatusOr<std::string> MakeKronecker() {
  const std::string folder = NewFolder() + "/kronecker";
  FAIRLEAD_RETURN_IF_ERROR(
      RunDatasetTool({"kronecker", absl::StrCat("--out=", folder), "--scale=10",
                      "--edge_factor=8", "--feature_dim=16", "--seed=7"}));
  return folder;
}

absl::StatusOr<std::string> Partition(const std::string& dataset,
                                      int partitions) {
  const std::string folder = NewFolder() + "/partitions";
  FAIRLEAD_RETURN_IF_ERROR(
      RunDatasetTool({"partition", absl::StrCat("--in=", dataset),
                      absl::StrCat("--out=", folder),
                      absl::StrCat("--parts=", partitions), "--method=range"}));
  return folder;
}

absl::StatusOr<TestCluster::Options> TwoHosts() {
  TestCluster::Options options;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string whole, MakeKronecker());
  FAIRLEAD_ASSIGN_OR_RETURN(options.dataset, Partition(whole, 2));
  options.partitions = 2;
  options.host_per_partition = true;
  return options;
}

absl::StatusOr<std::string> MakeLibrary() {
  DatasetContents contents;
  contents.name = "library";
  contents.nodes.resize(2);
  DatasetContents::Nodes& paper = contents.nodes[0];
  paper.name = "paper";
  paper.num_nodes = kPapers;
  paper.feature_dim = 8;
  for (int64_t i = 0; i < kPapers * paper.feature_dim; ++i) {
    paper.features.push_back(static_cast<float>(i) / 16);
  }
  paper.num_classes = 5;
  for (int64_t i = 0; i < kPapers; ++i) paper.labels.push_back(i % 5);
  paper.train = Split(0, 6);
  paper.val = Split(6, 8);
  paper.test = Split(8, 10);
  contents.nodes[1].name = "author";
  contents.nodes[1].num_nodes = kAuthors;
  contents.edges = {
      {{"paper", "cites", "paper"}, Edges(4000, kPapers, kPapers, 1)},
      {{"author", "writes", "paper"}, Edges(1500, kAuthors, kPapers, 2)},
      {{"paper", "is_by", "author"}, Edges(1500, kPapers, kAuthors, 3)}};
  const std::string folder = NewFolder();
  FAIRLEAD_RETURN_IF_ERROR(WriteDataset(folder, std::move(contents)));
  return folder;
}

}  // namespace fairlead::testing
