// The registry's store is put back from a backup, as the operations page says:
// what it does not know of is made anew, every batch comes once, and no id is
// given to two.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::BatchDigests;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;
using ::testing::Contains;
using ::testing::Not;

constexpr uint64_t kClients = 2;
constexpr size_t kRegistry = 0;

class Backup : public ::testing::Test {
 protected:
  using Stub = v1::RegistryService::Stub;

  void SetUp() override {
    folder_ = NewFolder();
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    options.registry_flags = {absl::StrCat("--store=", Db())};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
  }

  std::string Db() const { return folder_ + "/registry.db"; }
  std::string Copy() const { return folder_ + "/backup.db"; }

  absl::StatusOr<std::unique_ptr<RunningLoad>> StartLoad() {
    return RunningLoad::Start(
        *cluster_,
        {"--split=all", absl::StrCat("--clients=", kClients), "--epochs=4",
         "--batch_size=16", "--fanout=5,5", "--shuffle", "--step_time=10ms"});
  }

  std::set<uint64_t> Channels() {
    const auto channels =
        Call(*registry_, &Stub::ListChannels, v1::ListChannelsRequest());
    EXPECT_THAT(channels, IsOk());
    std::set<uint64_t> ids;
    if (!channels.ok()) return ids;
    for (const v1::ChannelDescription& channel : channels->channels()) {
      ids.insert(channel.channel_id());
    }
    return ids;
  }

  std::string folder_;
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Stub> registry_;
};

TEST_F(Backup, OfAnEarlierTimeLosesNoBatchAndGivesNoIdAgain) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto undisturbed, StartLoad());
  ASSERT_THAT(undisturbed->Finish(), IsOk());
  const BatchDigests owed = undisturbed->Digests();
  ASSERT_EQ(owed.size(), 4u * 64u);
  ASSERT_THAT(cluster_->End(kRegistry), IsOk());
  std::filesystem::copy_file(Db(), Copy());
  ASSERT_THAT(cluster_->Restart(kRegistry), IsOk());

  // Of these the backup knows nothing.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto load, StartLoad());
  ASSERT_TRUE(load->AwaitBatches(20));
  const std::set<uint64_t> given = Channels();
  ASSERT_EQ(given.size(), kClients);
  ASSERT_THAT(cluster_->End(kRegistry), IsOk());
  for (const char* beside : {"-wal", "-shm"}) {
    std::filesystem::remove(Db() + beside);
  }
  std::filesystem::copy_file(Copy(), Db(),
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_THAT(cluster_->Restart(kRegistry), IsOk());

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer newcomer,
                                BareTrainer::Join(*registry_));
  for (const char* worker_key : {"one", "two", "three"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto input,
                                  Call(*registry_, &Stub::RegisterSamplingInput,
                                       newcomer.Input(worker_key)));
    EXPECT_THAT(given, Not(Contains(input.channel_id())));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const nlohmann::json report, load->Finish());
  EXPECT_EQ(report["duplicates"], 0);
  EXPECT_EQ(report["missing"], 0);
  EXPECT_THAT(load->CheckExact(owed, kClients), IsOk());
  registry_.reset();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
