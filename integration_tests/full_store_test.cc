// The registry's store has no room left: what would change the state is refused
// by name, batches flow on, nothing that was stored is lost, and room is all it
// takes for everything to work again.

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/namespaces.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::EnterNamespaces;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;

// Of a graph that has 64 batches of it.
const std::vector<std::string>& SmallLoad() {
  static const auto* const flags = new std::vector<std::string>{
      "--split=all", "--batch_size=16", "--fanout=5,5", "--shuffle"};
  return *flags;
}

class FullStore : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { missing_ = EnterNamespaces(CLONE_NEWNS); }

  void SetUp() override {
    // The services inherit it: a write that is refused is an error, not a
    // death.
    signal(SIGXFSZ, SIG_IGN);
    store_ = NewFolder();
  }

  void StartCluster() {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start({.dataset = dataset,
                                      .registry_flags = {absl::StrCat(
                                          "--store=", store_, "/db")}}));
    std::vector<std::string> endless = SmallLoad();
    endless.push_back("--epochs=1000000");
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(running_,
                                  RunningLoad::Start(*cluster_, endless));
    ASSERT_TRUE(running_->AwaitBatches(1));
    members_ = Members();
  }

  std::set<uint64_t> Members() {
    const auto registry = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    v1::ListMembersResponse listed;
    EXPECT_THAT(rpc::ToAbslStatus(registry->ListMembers(&context, {}, &listed)),
                IsOk());
    std::set<uint64_t> ids;
    for (const v1::Member& member : listed.members()) {
      ids.insert(member.member_id());
    }
    return ids;
  }

  void ExpectRefusesChangesByName() {
    // A trainer that would join is told what is wrong, and where.
    std::vector<std::string> impatient = SmallLoad();
    impatient.push_back("--connect_timeout=1s");
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome refused,
                                  cluster_->RunLoadgen(impatient));
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("UNAVAILABLE"), HasSubstr(store_ + "/db"),
                      HasSubstr("is its disk full?")));
    // Several epochs' worth: their starts change nothing that is stored.
    EXPECT_TRUE(running_->AwaitBatches(5 * 64));
  }

  void ExpectGoesOnWithNothingLost() {
    EXPECT_THAT(cluster_->Load(SmallLoad()), IsOk());
    EXPECT_TRUE(running_->AwaitBatches(64));
    // What the next registry finds in the store: the same members, by ids that
    // are never given twice, and the channel of the load.
    ASSERT_THAT(cluster_->KillAndRestart(cluster_->IndexOf("registry")),
                IsOk());
    EXPECT_THAT(members_, IsSubsetOf(Members()));
    EXPECT_TRUE(running_->AwaitBatches(2 * 64));
    EXPECT_THAT(cluster_->Load(SmallLoad()), IsOk());
    running_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
    cluster_.reset();
  }

  static std::string missing_;  // why there is no mount namespace
  std::string store_;           // folder
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<RunningLoad> running_;
  std::set<uint64_t> members_;
};

std::string FullStore::missing_;

// As far as a program can tell; takes no privilege.
TEST_F(FullStore, NoFileMayGrow) {
  StartCluster();
  const auto limit_files = [this](rlim_t bytes) {
    const rlimit limit = {bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(cluster_->registry().process().pid(), RLIMIT_FSIZE,
                      &limit, nullptr),
              0);
  };
  limit_files(1);
  ExpectRefusesChangesByName();
  limit_files(RLIM_INFINITY);
  ExpectGoesOnWithNothingLost();
}

TEST_F(FullStore, DiskIsFull) {
  if (!missing_.empty()) GTEST_SKIP() << missing_;
  if (mount("store", store_.c_str(), "tmpfs", 0, "size=8m") != 0) {
    GTEST_SKIP() << "no tmpfs may be mounted here: " << std::strerror(errno);
  }
  StartCluster();
  const std::string other_file = store_ + "/other";
  const auto room = [this] {
    struct statvfs disk = {};
    EXPECT_EQ(statvfs(store_.c_str(), &disk), 0);
    return disk.f_bfree;
  };
  const std::string page(4096, 'x');
  for (std::ofstream other(other_file);
       other.write(page.data(), 4096).flush();) {
  }
  ASSERT_EQ(room(), 0u);
  ExpectRefusesChangesByName();
  ASSERT_EQ(room(), 0u);

  std::filesystem::remove(other_file);
  ExpectGoesOnWithNothingLost();
  EXPECT_EQ(umount(store_.c_str()), 0);
}

}  // namespace
}  // namespace fairlead
