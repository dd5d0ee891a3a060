#include "services/registry/etcd_store.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "services/registry/etcd_client.h"
#include "services/registry/etcd_cluster.h"
#include "services/registry/etcd_store_fixture.h"
#include "services/registry/open_store.h"
#include "services/registry/registry_store.h"
#include "services/registry/store_contract_test.h"
#include "services/registry/store_records_matcher.h"
#include "third_party/etcd/rpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Calls;
using ::fairlead::testing::EtcdCluster;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::OptionsFor;
using ::fairlead::testing::RecordsIn;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestName;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One that tests share, each under a prefix of its own.
class SharedCluster final : public ::testing::Environment {
 public:
  void SetUp() override {
    // So is every test.
    if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
    const std::string folder = ::testing::TempDir() + "/shared";
    std::filesystem::create_directories(folder);
    cluster = EtcdCluster::Start(1, folder).value();
  }
  void TearDown() override { cluster.reset(); }

  static std::unique_ptr<EtcdCluster> cluster;
};
std::unique_ptr<EtcdCluster> SharedCluster::cluster;
::testing::Environment* const shared_cluster =
    ::testing::AddGlobalTestEnvironment(new SharedCluster);

EtcdCluster& SharedEtcd() { return *SharedCluster::cluster; }

std::unique_ptr<RegistryStore> OpenShared(const std::string& test_name) {
  return OpenEtcdStore(OptionsFor(SharedEtcd(), test_name)).value();
}

std::vector<std::string> KeysUnder(const std::string& prefix) {
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(prefix + '\x7f');
  request.set_keys_only(true);
  std::vector<std::string> keys;
  const auto response =
      EtcdClient(SharedEtcd().endpoints(), kPatience).Range(request).value();
  for (const mvccpb::KeyValue& kv : response.kvs()) keys.push_back(kv.key());
  return keys;
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreContractTest,
                         ::testing::Values(StoreCase{"Etcd", OpenShared}),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Etcd, SharedStoreContractTest,
                         ::testing::Values(StoreCase{"Etcd", OpenShared}),
                         [](const auto& info) { return info.param.name; });

TEST(EtcdStoreTest, ChangesOfOthersComeFromTheWatch) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto one = OpenEtcdStore(options).value();
  auto other = OpenEtcdStore(options).value();
  Calls calls;
  other->Watch(calls.Counter());
  int64_t revision = one->Load()->revision;
  // Once the watch is there, the list is complete.
  ASSERT_TRUE(calls.AwaitUntil([&] {
    const int64_t before = revision;
    revision = one->Commit(std::vector<StoreWrite>{{"a", absl::StrCat(before)}},
                           before)
                   .value();
    const StoreChanges changes = other->ReadChanges(before).value();
    EXPECT_EQ(changes.revision, revision);
    EXPECT_EQ(changes.writes.size(), 1U);
    return !changes.from_scratch;
  }));
  other.reset();
}

TEST(EtcdStoreTest, ValuesOfMegabytesAreKeptAndLeaveNothingBehind) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto store = OpenEtcdStore(options).value();
  auto other = OpenEtcdStore(options).value();
  const int64_t empty = other->Load()->revision;
  std::string large(size_t{5} << 20, 'x');
  large[3 << 20] = '\0';
  const std::string larger = large + large;
  const std::string middling(100'000, 'm');
  auto revision = store->Commit(
      std::vector<StoreWrite>{{"l", large}, {"m", middling}, {"s", "1"}},
      empty);
  ASSERT_THAT(revision, IsOk());
  const StoreRecords first = {{"l", large}, {"m", middling}, {"s", "1"}};
  EXPECT_TRUE(RecordsIn(options) == first);
  EXPECT_TRUE(TakeIn({}, other->ReadChanges(empty).value()) == first);
  EXPECT_EQ(KeysUnder(options.prefix + "chunks/").size(), 6U);

  revision = store->Commit(
      std::vector<StoreWrite>{{"l", larger}, {"m", std::nullopt}}, *revision);
  ASSERT_THAT(revision, IsOk());
  EXPECT_TRUE(RecordsIn(options) == (StoreRecords{{"l", larger}, {"s", "1"}}));
  EXPECT_EQ(KeysUnder(options.prefix + "chunks/").size(), 10U);

  // What is written to an old revision leaves none either.
  EXPECT_THAT(store->Commit(std::vector<StoreWrite>{{"l", large}}, empty),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(KeysUnder(options.prefix + "chunks/").size(), 10U);
  ASSERT_THAT(
      store->Commit(std::vector<StoreWrite>{{"l", std::nullopt}}, *revision),
      IsOk());
  EXPECT_THAT(KeysUnder(options.prefix + "chunks/"), IsEmpty());
}

TEST(EtcdStoreTest, ChunksThatACrashLeftAreSweptAndThoseOfACommitAreNot) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  const std::string large(size_t{3} << 20, 'x');
  auto store = OpenEtcdStore(options).value();
  ASSERT_THAT(store->Commit(std::vector<StoreWrite>{{"l", large}}, 0), IsOk());
  EtcdClient client(options.endpoints, kPatience);
  etcdserverpb::PutRequest put;
  put.set_key(options.prefix + "chunks/crashed-1-0/00000000");
  ASSERT_THAT(client.Put(put), IsOk());
  put.set_key(options.prefix + "chunks/committing-1-0/00000000");
  put.set_lease(client.GrantLease(kPatience).value());
  ASSERT_THAT(client.Put(put), IsOk());
  EXPECT_TRUE(RecordsIn(options) == (StoreRecords{{"l", large}}));
  const std::vector<std::string> left = KeysUnder(options.prefix + "chunks/");
  EXPECT_EQ(left.size(), 4U);
  EXPECT_THAT(left, Contains(put.key()));
}

TEST(EtcdStoreTest, ThousandsOfWritesAreOneCommit) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto store = OpenEtcdStore(options).value();
  StoreRecords records;
  std::vector<StoreWrite> puts;
  std::vector<StoreWrite> deletes;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = absl::StrCat("channel/", i);
    records[key] = absl::StrCat(i);
    puts.push_back({key, absl::StrCat(i)});
    deletes.push_back({key, std::nullopt});
  }
  const auto revision = store->Commit(puts, 0);
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ(RecordsIn(options), records);
  ASSERT_THAT(store->Commit(deletes, *revision), IsOk());
  EXPECT_EQ(RecordsIn(options), StoreRecords{});

  while (puts.size() < 4000) {
    puts.push_back({absl::StrCat("more/", puts.size()), ""});
  }
  EXPECT_THAT(store->Commit(puts, store->Load()->revision),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("commit less at once")));
}

TEST(EtcdStoreTest, CommitOfManyMiddlingValuesFits) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto store = OpenEtcdStore(options).value();
  StoreRecords records;
  std::vector<StoreWrite> puts;
  for (int i = 0; i < 100; ++i) {
    const std::string key = absl::StrCat("channel/", i);
    records[key] = std::string(50'000, static_cast<char>('a' + i % 26));
    puts.push_back({key, records[key]});
  }
  ASSERT_THAT(store->Commit(puts, 0), IsOk());
  EXPECT_TRUE(RecordsIn(options) == records);
}

TEST(EtcdStoreTest, StoresUnderOtherPrefixesAreOtherStores) {
  EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto one = OpenEtcdStore(options).value();
  options.prefix += "b/";
  auto other = OpenEtcdStore(options).value();
  ASSERT_THAT(one->Commit(std::vector<StoreWrite>{{"a", "1"}}, 0), IsOk());
  ASSERT_THAT(one->HoldRegistry(1), IsOk());
  EXPECT_THAT(other->Load(), HoldsRecords(StoreRecords{}));
  EXPECT_EQ(other->Load()->revision, 0);
  EXPECT_THAT(other->LiveRegistries(), IsOkAndHolds(IsEmpty()));
}

TEST(EtcdStoreTest, AfterACompactionEverythingIsRead) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto store = OpenEtcdStore(options).value();
  const int64_t first =
      store->Commit(std::vector<StoreWrite>{{"a", "1"}, {"b", "1"}}, 0).value();
  const int64_t second =
      store->Commit(std::vector<StoreWrite>{{"a", std::nullopt}}, first)
          .value();
  ASSERT_THAT(SharedEtcd().Compact(), IsOk());
  // One that slept meanwhile, and has no list of its own.
  const StoreChanges changes =
      OpenEtcdStore(options).value()->ReadChanges(first).value();
  EXPECT_TRUE(changes.from_scratch);
  EXPECT_EQ(changes.revision, second);
  EXPECT_EQ(TakeIn({{"a", "1"}, {"b", "1"}}, changes),
            (StoreRecords{{"b", "1"}}));
}

TEST(EtcdStoreTest, OthersHearOfARegistryThatDies) {
  const EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  auto store = OpenEtcdStore(options).value();
  ASSERT_THAT(store->HoldRegistry(1), IsOk());
  Calls calls;
  store->Watch(calls.Counter());
  // What a registry leaves that dies without a word: a key on a lease that
  // nobody renews.
  EtcdClient dead(options.endpoints, kPatience);
  etcdserverpb::PutRequest put;
  put.set_key(options.prefix + "registries/0000000000000002");
  put.set_lease(dead.GrantLease(absl::Seconds(1)).value());
  ASSERT_THAT(dead.Put(put), IsOk());
  EXPECT_THAT(store->LiveRegistries(), IsOkAndHolds(ElementsAre(1, 2)));
  // It is not asked but when the store says that something has happened.
  EXPECT_TRUE(calls.AwaitUntil([&] {
    return store->LiveRegistries().value() == std::set<uint64_t>{1};
  }));
  store.reset();
}

TEST(EtcdStoreTest, NameComesBackWhenItsLeaseWasLost) {
  EtcdOptions options = OptionsFor(SharedEtcd(), TestName());
  options.registry_ttl = absl::Seconds(1);
  auto store = OpenEtcdStore(options).value();
  auto other = OpenEtcdStore(options).value();
  Calls calls;
  other->Watch(calls.Counter());
  ASSERT_THAT(store->HoldRegistry(1), IsOk());
  etcdserverpb::RangeRequest request;
  request.set_key(options.prefix + "registries/0000000000000001");
  EtcdClient client(options.endpoints, kPatience);
  const int64_t lease = client.Range(request).value().kvs(0).lease();
  ASSERT_THAT(client.RevokeLease(lease), IsOk());
  EXPECT_THAT(other->LiveRegistries(), IsOkAndHolds(IsEmpty()));
  EXPECT_TRUE(calls.AwaitUntil([&] {
    return other->LiveRegistries().value() == std::set<uint64_t>{1};
  }));
  other.reset();
}

TEST(EtcdStoreTest, FlagNamesItsEndpointsAndPrefix) {
  auto store = OpenStore(SharedEtcd().store_spec("/open-store")).value();
  ASSERT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "1"}}, 0), IsOk());
  EXPECT_THAT(KeysUnder("/open-store/"),
              ElementsAre("/open-store/records/a", "/open-store/version"));
}

}  // namespace
}  // namespace fairlead
