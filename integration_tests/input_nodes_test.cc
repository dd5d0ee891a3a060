// The seeds of a loader in every form that there is (parity GL-053), with every
// kind of workers: an epoch has these, each as often as it was given.

#include "libs/loader/input_nodes.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/mp_workers.h"
#include "integration_tests/harness/papers_dataset.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"

namespace fairlead::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Seeds = std::multiset<int64_t>;

// A file of ids.
std::string Save(const std::vector<int64_t>& ids) {
  const std::string path = absl::StrCat(NewFolder(), "/ids.npy");
  EXPECT_THAT(WriteNpy<int64_t>(path, "i8", {static_cast<int64_t>(ids.size())},
                                absl::MakeConstSpan(ids)),
              IsOk());
  return path;
}

// The seeds of an epoch, by server.
absl::StatusOr<std::map<size_t, Seeds>> SeedsOf(SampleStream& stream,
                                                const std::string& key) {
  std::map<size_t, Seeds> seeds;
  FAIRLEAD_RETURN_IF_ERROR(stream.StartEpoch());
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream.Next());
    if (!batch.has_value()) return seeds;
    for (const int64_t seed : batch->message.Find(key)->As<int64_t>()) {
      seeds[batch->server].insert(seed);
    }
  }
}

Seeds All(const std::map<size_t, Seeds>& by_server) {
  Seeds all;
  for (const auto& [server, seeds] : by_server) {
    all.insert(seeds.begin(), seeds.end());
  }
  return all;
}

NeighborLoaderOptions Options(InputNodes input_nodes) {
  NeighborLoaderOptions options;
  options.input_nodes = std::move(input_nodes);
  options.fanout = {2};
  options.batch_size = 16;
  return options;
}

class InputNodesTest : public MpTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteDataset(whole_, PapersDataset()), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(dataset_, DistDataset::Load(whole_, 0));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string parts,
                                  Partition(whole_, 2));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start({.dataset = parts, .partitions = 2}));
  }

  // A loader of the cluster, whose graph is in two partitions, or of the whole.
  absl::StatusOr<std::unique_ptr<SampleStream>> Create(
      const WorkerOptions& workers, InputNodes input_nodes) {
    NeighborLoaderOptions options = Options(std::move(input_nodes));
    options.registry = cluster_->registry().address();
    options.worker_options = workers;
    if (std::holds_alternative<RemoteWorkerOptions>(workers)) {
      return SampleStream::Create(options);
    }
    return SampleStream::Create(&*dataset_, options);
  }

  const std::string whole_ = NewFolder();
  std::optional<DistDataset> dataset_;
  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(InputNodesTest, EachFormIsTheSeedsOfAnEpochOfAnyWorkers) {
  Seeds train;
  Seeds all;
  for (int64_t paper = 0; paper < kPapers; ++paper) {
    all.insert(paper);
    if (paper % 3 != 0) train.insert(paper);
  }
  const std::vector<int64_t> ids = {3, 250, 7, 3, 399, 200, 0};
  const Seeds some(ids.begin(), ids.end());
  const std::vector<std::pair<InputNodes, Seeds>> forms = {
      {InputNodes::Split("train", "paper"), train},
      {InputNodes::Split("all", "paper"), all},
      {InputNodes::Ids(ids, "paper"), some},
      {InputNodes::Files({Save(ids)}, "paper"), some}};
  for (const WorkerOptions& workers :
       {WorkerOptions(RemoteWorkerOptions()),
        WorkerOptions(CollocatedWorkerOptions()), WorkerOptions(Workers())}) {
    SCOPED_TRACE(workers.index());
    for (size_t form = 0; form < forms.size(); ++form) {
      SCOPED_TRACE(form);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                    Create(workers, forms[form].first));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto seeds,
                                    SeedsOf(*stream, "paper.batch"));
      EXPECT_EQ(All(seeds), forms[form].second);
      EXPECT_EQ(stream->seeds(), forms[form].second.size());
    }
  }
}

// Each samples the ids of its file, though they lie in the other's partition.
TEST_F(InputNodesTest, FilesOfServersAreEachItsServers) {
  const InputNodes files =
      InputNodes::Files({Save({399, 5}), Save({1, 2, 1})}, "paper");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                Create(RemoteWorkerOptions(), files));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto seeds,
                                SeedsOf(*stream, "paper.batch"));
  ASSERT_THAT(seeds, SizeIs(2));
  EXPECT_THAT(seeds.at(0), ElementsAre(5, 399));
  EXPECT_THAT(seeds.at(1), ElementsAre(1, 1, 2));
  EXPECT_THAT(Create(CollocatedWorkerOptions(), files),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("input_nodes.paths: there are 2")));
}

TEST_F(InputNodesTest, TypeMayBeLeftOutOnlyWhereThereIsOne) {
  for (const WorkerOptions& workers :
       {WorkerOptions(RemoteWorkerOptions()),
        WorkerOptions(CollocatedWorkerOptions())}) {
    EXPECT_THAT(Create(workers, InputNodes::Ids({1})),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("one of author, paper")));
    EXPECT_THAT(Create(workers, InputNodes::Ids({1}, "film")),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("film")));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string folder, MakeKronecker());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Load(folder, 0));
  NeighborLoaderOptions options = Options(InputNodes::Ids({9, 1023, 9}));
  options.worker_options = CollocatedWorkerOptions();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                SampleStream::Create(&dataset, options));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto seeds, SeedsOf(*stream, "batch"));
  EXPECT_THAT(All(seeds), ElementsAre(9, 9, 1023));
}

}  // namespace
}  // namespace fairlead::testing
