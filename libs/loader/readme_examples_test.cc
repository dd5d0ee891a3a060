// What the README shows, as it is written there: integration_tests' readme_test
// looks whether each statement of it is here.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/dist_ablp_loader.h"
#include "libs/loader/dist_link_neighbor_loader.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/dist_ppr_loader.h"
#include "libs/loader/dist_subgraph_loader.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

// A model, and what is kept of its training.
int steps = 0;
void Step(const at::Tensor& /*x*/, const at::Tensor& /*edge_index*/,
          const at::Tensor& /*y*/, const at::Tensor& /*seed_index*/) {
  ++steps;
}
struct Checkpoint {
  std::string loader;
  void set_loader(std::string bytes) { loader = std::move(bytes); }
};

absl::Status Train(const std::string& registry, Checkpoint* kept) {
  Checkpoint& checkpoint = *kept;
  fairlead::NeighborLoaderOptions options;
  options.registry = "127.0.0.1:7100";
  options.input_nodes.split = "train";
  options.fanout = {15, 10};
  options.batch_size = 512;
  options.shuffle = true;
  options.registry = registry;  // where the test has one
  FAIRLEAD_ASSIGN_OR_RETURN(const auto loader,
                            fairlead::DistNeighborLoader::Create(options));
  for (const fairlead::Batch& batch : *loader) {
    FAIRLEAD_ASSIGN_OR_RETURN(const fairlead::Data data, batch.ToData());
    Step(data.x, data.edge_index, data.y, data.seed_index);
  }
  FAIRLEAD_RETURN_IF_ERROR(loader->status());
  checkpoint.set_loader(loader->cursor()->SerializeAsString());
  fairlead::v1::LoaderCursor cursor;
  cursor.ParseFromString(checkpoint.loader);
  FAIRLEAD_RETURN_IF_ERROR(loader->ResumeEpoch(cursor));
  return absl::OkStatus();
}

absl::Status TrainWithOwnWorkers() {
  fairlead::NeighborLoaderOptions options;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto dataset,
      fairlead::DistDataset::Load("/data/wordnet", /*partition_idx=*/0));
  options.worker_options = fairlead::MpWorkerOptions{.num_workers = 2};
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto loader,
      fairlead::DistNeighborLoader::Create(&dataset, options));
  return absl::OkStatus();
}

TEST(ReadmeExamples, TrainerGoesThroughAnEpoch) {
  fairlead::FakeCluster cluster({.batches = 3});
  Checkpoint checkpoint;
  EXPECT_THAT(Train(cluster.address(), &checkpoint), IsOk());
  EXPECT_EQ(steps, 3);
}

TEST(ReadmeExamples, DatasetThatIsNotThereIsNamed) {
  EXPECT_THAT(TrainWithOwnWorkers(), StatusIs(absl::StatusCode::kNotFound,
                                              HasSubstr("/data/wordnet")));
}

TEST(ReadmeExamples, OtherKindsHaveGoodOptions) {
  fairlead::LinkNeighborLoaderOptions links;
  links.fanout = {15, 10};
  links.input_edges.edges = {.src = {0, 4}, .dst = {7, 1}};
  links.negatives = fairlead::v1::NEGATIVE_MODE_BINARY;
  EXPECT_THAT(Validate(links), IsOk());

  fairlead::SubGraphLoaderOptions subgraphs;
  subgraphs.input_nodes = fairlead::InputNodes::Ids({4, 8, 15});
  EXPECT_THAT(Validate(subgraphs), IsOk());

  fairlead::AblpLoaderOptions anchors;
  anchors.fanout = {10, 5};
  anchors.input_nodes = fairlead::InputNodes::Split("train", "user");
  anchors.supervision_edge_type = {"user", "buys", "item"};
  EXPECT_THAT(Validate(anchors), IsOk());

  fairlead::PprLoaderOptions ranked;
  ranked.input_nodes = fairlead::InputNodes::Files({"mine.npy"});
  ranked.max_ppr_nodes = 50;
  EXPECT_THAT(Validate(ranked), IsOk());
}

}  // namespace
