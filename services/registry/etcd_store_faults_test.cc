// What a store in etcd does when members of that are killed, or stand still.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "services/registry/etcd_cluster.h"
#include "services/registry/etcd_store.h"
#include "services/registry/etcd_store_fixture.h"
#include "services/registry/registry_store.h"
#include "services/registry/store_records_matcher.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Calls;
using ::fairlead::testing::EtcdCluster;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::OptionsFor;
using ::fairlead::testing::RecordsIn;
using ::fairlead::testing::StartEtcd;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EtcdStoreFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
  }
};

TEST_F(EtcdStoreFaultsTest, NothingIsLostWhenEtcdIsKilledAndStartedAgain) {
  auto etcd = StartEtcd(1);
  EtcdOptions options = OptionsFor(*etcd, "Killed");
  options.call_deadline = absl::Seconds(1);
  auto store = OpenEtcdStore(options).value();
  const auto before = store->Commit(std::vector<StoreWrite>{{"a", "1"}},
                                    store->Load()->revision);
  ASSERT_THAT(before, IsOk());
  etcd->Kill(0);
  const auto unavailable = [&] {
    return StatusIs(absl::StatusCode::kUnavailable,
                    HasSubstr(etcd->endpoints()[0]));
  };
  EXPECT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "2"}}, *before),
              unavailable());
  EXPECT_THAT(store->Load(), unavailable());
  EXPECT_THAT(store->ReadChanges(*before), unavailable());
  EXPECT_THAT(store->LiveRegistries(), unavailable());
  EXPECT_THAT(store->HoldRegistry(1), unavailable());
  EXPECT_THAT(OpenEtcdStore(options), unavailable());

  ASSERT_THAT(etcd->Restart(0), IsOk());
  options.call_deadline = kPatience;
  EXPECT_EQ(RecordsIn(options), (StoreRecords{{"a", "1"}}));
  Calls calls;
  store->Watch(calls.Counter());
  // The store that saw it die goes on, and its watch comes back.
  auto other = OpenEtcdStore(options).value();
  const auto after =
      other->Commit(std::vector<StoreWrite>{{"a", "3"}}, *before);
  ASSERT_THAT(after, IsOk());
  EXPECT_TRUE(calls.AwaitUntil([&] {
    const auto changes = store->ReadChanges(*before);
    return changes.ok() && changes->revision == *after &&
           TakeIn({{"a", "1"}}, *changes) == StoreRecords{{"a", "3"}};
  }));
  store.reset();
}

TEST_F(EtcdStoreFaultsTest, HungEtcdIsUnavailableAfterTheDeadline) {
  auto etcd = StartEtcd(1);
  EtcdOptions options = OptionsFor(*etcd, "Hung");
  options.call_deadline = absl::Seconds(1);
  auto store = OpenEtcdStore(options).value();
  const int64_t before =
      store->Commit(std::vector<StoreWrite>{{"a", "1"}}, 0).value();
  etcd->Pause(0);
  EXPECT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "2"}}, before),
              StatusIs(absl::StatusCode::kUnavailable));
  etcd->Resume(0);
  // Whether the commit that hung was carried out, nobody knew; now it is
  // either there or will be aborted.
  options.call_deadline = kPatience;
  auto other = OpenEtcdStore(options).value();
  const StoreContents contents = other->Load().value();
  const auto after =
      other->Commit(std::vector<StoreWrite>{{"b", "1"}}, contents.revision);
  if (!after.ok()) {
    EXPECT_THAT(after, StatusIs(absl::StatusCode::kAborted));
  } else {
    EXPECT_GT(*after, contents.revision);
  }
}

TEST_F(EtcdStoreFaultsTest, ThreeMembersGoOnWhenTheirLeaderIsKilled) {
  auto etcd = StartEtcd(3);
  EtcdOptions options = OptionsFor(*etcd, "Three");
  options.call_deadline = absl::Seconds(10);
  auto store = OpenEtcdStore(options).value();
  auto other = OpenEtcdStore(options).value();
  Calls calls;
  other->Watch(calls.Counter());
  ASSERT_THAT(store->HoldRegistry(1), IsOk());
  StoreContents known = store->Load().value();
  int count = 0;
  // A commit that no leader's death may lose or do twice.
  const auto increment = [&] {
    const std::string next = absl::StrCat(++count);
    const auto revision =
        store->Commit(std::vector<StoreWrite>{{"count", next}}, known.revision);
    ASSERT_THAT(revision, IsOk());
    known.revision = *revision;
  };
  for (int round = 0; round < 3; ++round) {
    increment();
    const auto leader = etcd->Leader();
    ASSERT_THAT(leader, IsOk());
    etcd->Kill(*leader);
    for (int i = 0; i < 5; ++i) increment();
    ASSERT_THAT(etcd->Restart(*leader), IsOk());
  }
  EXPECT_THAT(other->Load(),
              HoldsRecords(StoreRecords{{"count", absl::StrCat(count)}}));
  EXPECT_TRUE(calls.AwaitUntil([&] {
    const auto changes = other->ReadChanges(0);
    return changes.ok() && changes->revision == known.revision;
  }));
  EXPECT_THAT(other->LiveRegistries(), IsOkAndHolds(ElementsAre(1)));
  other.reset();
}

TEST_F(EtcdStoreFaultsTest, WithoutAMajorityItIsUnavailable) {
  auto etcd = StartEtcd(3);
  EtcdOptions options = OptionsFor(*etcd, "Majority");
  options.call_deadline = absl::Seconds(2);
  auto store = OpenEtcdStore(options).value();
  const int64_t before = store->Load()->revision;
  etcd->Kill(0);
  etcd->Kill(1);
  EXPECT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "1"}}, before),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(store->ReadChanges(before),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace fairlead
