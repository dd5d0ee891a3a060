// A batch that kills its sampler pool each time it is made: a page of the
// features' file cannot be read any more, since it is not there and the tmpfs
// under it is full, so whoever touches it dies of SIGBUS. That batch fails, by
// name; every other comes once, to its trainer and to others.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/namespaces.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::EnterNamespaces;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kNodes = 64;
constexpr off_t kPage = 4096;
// Of a node's features: a page of their own in it, wherever they begin.
constexpr off_t kRowBytes = 2 * kPage;
constexpr int64_t kPoisonous = 20;

// Nobody's neighbour is the poisonous node: it comes as a seed, or not at all.
absl::Status WriteGraph(const std::string& folder) {
  DatasetContents contents;
  contents.name = "holes";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes.name = "node";
  nodes.num_nodes = kNodes;
  nodes.feature_dim = kRowBytes / static_cast<off_t>(sizeof(float));
  for (int64_t i = 0; i < kNodes * nodes.feature_dim; ++i) {
    nodes.features.push_back(static_cast<float>(i));
  }
  nodes.train.emplace();
  nodes.val.emplace();
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"node", "to", "node"};
  for (int64_t i = 0; i < kNodes; ++i) {
    (i % 2 == 0 ? *nodes.train : *nodes.val).push_back(i);
    for (const int64_t step : {1, 3, 7}) {
      const int64_t neighbor = (i + step) % kNodes;
      if (neighbor != kPoisonous) edges.edges.emplace_back(i, neighbor);
    }
  }
  return WriteDataset(folder, std::move(contents));
}

class Poison : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { missing_ = EnterNamespaces(CLONE_NEWNS); }

  void SetUp() override {
    if (!missing_.empty()) GTEST_SKIP() << missing_;
    disk_ = NewFolder();
    if (mount("dataset", disk_.c_str(), "tmpfs", 0, "size=4m") != 0) {
      GTEST_SKIP() << "no tmpfs may be mounted here: " << std::strerror(errno);
    }
    const std::string dataset = disk_ + "/dataset";
    ASSERT_TRUE(std::filesystem::create_directory(dataset));
    ASSERT_THAT(WriteGraph(dataset), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest,
                                  ReadManifest(dataset));
    features_ = dataset + "/" + manifest.node_types[0].features->file;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start({.dataset = dataset, .workers = 3}));
  }

  // Takes the page away, and the room that it could come back to.
  void Punch() {
    const auto header =
        static_cast<off_t>(std::filesystem::file_size(features_)) -
        kNodes * kRowBytes;
    const off_t page =
        (header + kPoisonous * kRowBytes + kPage - 1) / kPage * kPage;
    const int fd = open(features_.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    lost_ = std::string(kPage, '\0');
    lost_at_ = page;
    ASSERT_EQ(pread(fd, lost_.data(), kPage, page), kPage);
    ASSERT_EQ(
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page, kPage),
        0);
    close(fd);
    for (std::ofstream filler(disk_ + "/filler");
         filler.write(lost_.data(), kPage).flush();) {
    }
  }

  void Mend() {
    ASSERT_TRUE(std::filesystem::remove(disk_ + "/filler"));
    const int fd = open(features_.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(pwrite(fd, lost_.data(), kPage, lost_at_), kPage);
    close(fd);
  }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad(
      const std::vector<std::string>& flags) {
    std::vector<std::string> all = {"--batch_size=4", "--fanout=2,2",
                                    "--shuffle"};
    all.insert(all.end(), flags.begin(), flags.end());
    return RunningLoad::Start(*cluster_, all);
  }

  absl::StatusOr<BatchDigests> Undisturbed(
      const std::vector<std::string>& flags) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto load, StartLoad(flags));
    FAIRLEAD_RETURN_IF_ERROR(load->Finish().status());
    return load->Digests();
  }

  // Starts the pool again each time it dies, until it ends in order. How often
  // it died.
  int TendPool() ABSL_LOCKS_EXCLUDED(tending_) {
    const size_t index = cluster_->IndexOf("pool-0");
    int deaths = 0;
    while (true) {
      const absl::StatusOr<int> code =
          cluster_->pool().process().Wait(kPatience);
      EXPECT_THAT(code, IsOk());
      if (!code.ok() || *code == 0) return deaths;
      MutexLock lock(&tending_);
      // It may be given its death before it says that it serves.
      for (++deaths; !cluster_->Restart(index).ok(); ++deaths) {
        if (deaths > 20) return deaths;
      }
    }
  }

  // What a pool that has been tended says of itself, and then its end.
  std::map<std::string, double> EndPool() ABSL_LOCKS_EXCLUDED(tending_) {
    MutexLock lock(&tending_);
    const auto metrics = Scrape(cluster_->pool().metrics_address());
    EXPECT_THAT(metrics, IsOk());
    kill(cluster_->pool().process().pid(), SIGTERM);
    return metrics.ok() ? *metrics : std::map<std::string, double>();
  }

  static std::string missing_;  // why there is no mount namespace
  std::string disk_;
  std::string features_;  // file
  std::string lost_;
  off_t lost_at_ = 0;
  std::unique_ptr<TestCluster> cluster_;
  Mutex tending_;  // held while the pool is away
};

std::string Poison::missing_;

TEST_F(Poison, BatchThatKillsItsPoolFailsAloneAndAllOthersComeOnce) {
  const std::vector<std::string> whole = {"--split=train", "--epochs=2"};
  const std::vector<std::string> harmless = {"--split=val", "--epochs=2"};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BatchDigests owed, Undisturbed(whole));
  ASSERT_EQ(owed.size(), 2u * 8u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BatchDigests owed_to_other,
                                Undisturbed(harmless));
  Punch();

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad(whole));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other, StartLoad(harmless));
  absl::StatusOr<nlohmann::json> end;
  std::map<std::string, double> metrics;
  std::thread trainers([&] {
    end = load->Finish();
    EXPECT_THAT(other->Finish(), IsOk());
    metrics = EndPool();  // (They could not end without one.)
  });
  const int deaths = TendPool();
  trainers.join();

  EXPECT_THAT(other->CheckExact(owed_to_other, 1), IsOk());
  EXPECT_THAT(
      end,
      StatusIs(absl::StatusCode::kInternal,
               AllOf(HasSubstr("\"duplicates\":0,"),
                     HasSubstr("\"missing\":0,"), HasSubstr("epoch 0, batch "),
                     HasSubstr("3 of them with nothing else in the "
                               "making, so its 4 seeds"))));
  // All but one of each epoch, which died alone three times; before that maybe
  // once with others.
  const BatchDigests came = load->Digests();
  BatchDigests rest = owed;
  std::map<uint64_t, int> failed;  // by epoch
  for (const auto& [batch, digest] : owed) {
    if (came.count(batch) > 0) continue;
    ++failed[std::get<1>(batch)];
    rest.erase(batch);
  }
  EXPECT_EQ(failed, (std::map<uint64_t, int>{{0, 1}, {1, 1}}));
  EXPECT_THAT(load->CheckExact(rest, 1), IsOk());
  EXPECT_GE(deaths, 2 * 3);
  EXPECT_LE(deaths, 2 * 4);
  EXPECT_THAT(
      metrics,
      Contains(Pair("fairlead_pool_suspect_batches{state=\"poisonous\"}", 2)));
  std::ifstream log(cluster_->pool().log());
  const std::string said(std::istreambuf_iterator<char>(log), {});
  EXPECT_THAT(said, HasSubstr("the one before died over at most"));

  // The pool ended in order, so the next one knows nothing of this.
  Mend();
  ASSERT_THAT(cluster_->Restart(cluster_->IndexOf("pool-0")), IsOk());
  EXPECT_THAT(Undisturbed(whole), IsOkAndHolds(owed));
  EXPECT_THAT(cluster_->Stop(), IsOk());
  EXPECT_EQ(umount(disk_.c_str()), 0);
}

}  // namespace
}  // namespace fairlead
