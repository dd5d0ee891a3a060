#ifndef FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_
#define FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"
#include "services/registry/store_records_matcher.h"

// What every RegistryStore must do, and what those must do besides that several
// registries can share. A store's test instantiates the suites:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContractTest, Values(...));
namespace fairlead {

struct StoreCase {
  std::string name;
  // Opens the same store again each time it is called within one test, as a
  // restarted registry would, or another that shares it, from any thread;
  // `test_name` tells tests apart.
  std::function<std::unique_ptr<RegistryStore>(const std::string& test_name)>
      open;

  friend std::ostream& operator<<(std::ostream& os, const StoreCase& c) {
    return os << c.name;
  }
};

class StoreContractTest : public ::testing::TestWithParam<StoreCase> {
 protected:
  std::unique_ptr<RegistryStore> Open() {
    return GetParam().open(
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  // Commits to whatever revision the store is at.
  static absl::StatusOr<int64_t> Commit(RegistryStore& store,
                                        const std::vector<StoreWrite>& writes) {
    FAIRLEAD_ASSIGN_OR_RETURN(const StoreContents contents, store.Load());
    return store.Commit(writes, contents.revision);
  }
};

TEST_P(StoreContractTest, IsEmptyWhenNew) {
  EXPECT_THAT(Open()->Load(), HoldsRecords(StoreRecords{}));
}

TEST_P(StoreContractTest, KeepsWhatWasWrittenOverARestart) {
  const std::string binary("\0\xff\n", 3);
  {
    auto store = Open();
    ASSERT_THAT(Commit(*store, {{"a", "1"}, {"b", binary}}), testing::IsOk());
  }
  EXPECT_THAT(Open()->Load(),
              HoldsRecords(StoreRecords{{"a", "1"}, {"b", binary}}));
}

TEST_P(StoreContractTest, LaterWritesReplaceAndDelete) {
  auto store = Open();
  ASSERT_THAT(Commit(*store, {{"a", "1"}, {"b", "2"}, {"c", ""}}),
              testing::IsOk());
  ASSERT_THAT(
      Commit(*store, {{"a", "3"}, {"b", std::nullopt}, {"none", std::nullopt}}),
      testing::IsOk());
  EXPECT_THAT(store->Load(), HoldsRecords(StoreRecords{{"a", "3"}, {"c", ""}}));
}

TEST_P(StoreContractTest, WritesOfOneCommitTakeEffectInOrder) {
  auto store = Open();
  ASSERT_THAT(Commit(*store, {{"a", "1"},
                              {"a", std::nullopt},
                              {"a", "2"},
                              {"b", "1"},
                              {"b", std::nullopt}}),
              testing::IsOk());
  EXPECT_THAT(store->Load(), HoldsRecords(StoreRecords{{"a", "2"}}));
}

TEST_P(StoreContractTest, EachCommitMakesALaterRevision) {
  auto store = Open();
  int64_t last = store->Load()->revision;
  for (int i = 0; i < 5; ++i) {
    const auto revision =
        store->Commit(std::vector<StoreWrite>{{"a", absl::StrCat(i)}}, last);
    ASSERT_THAT(revision, testing::IsOk());
    EXPECT_GT(*revision, last);
    EXPECT_EQ(store->Load()->revision, *revision);
    last = *revision;
  }
}

TEST_P(StoreContractTest, CommitToAnOldRevisionIsAbortedAndChangesNothing) {
  auto store = Open();
  const int64_t old = store->Load()->revision;
  const auto revision = Commit(*store, {{"a", "1"}});
  ASSERT_THAT(revision, testing::IsOk());
  EXPECT_THAT(
      store->Commit(std::vector<StoreWrite>{{"a", "2"}, {"b", "2"}}, old),
      testing::StatusIs(absl::StatusCode::kAborted));
  const auto contents = store->Load();
  EXPECT_THAT(contents, HoldsRecords(StoreRecords{{"a", "1"}}));
  EXPECT_EQ(contents->revision, *revision);
}

TEST_P(StoreContractTest, MemberThatDrainsDoesSoAfterARestart) {
  RegistryState before({}, /*incarnation=*/1);
  const auto keep = [&before](RegistryStore& store, const auto& planned) {
    ASSERT_THAT(Commit(store, planned.writes), testing::IsOk());
    ASSERT_THAT(before.Apply(planned.writes, absl::ZeroDuration()),
                testing::IsOk());
  };
  {
    auto store = Open();
    v1::JoinRequest join;
    join.set_member_name("pool");
    join.set_role(v1::ROLE_SAMPLER_POOL);
    join.set_address("host:1");
    join.set_shm_domain("domain");
    keep(*store, *before.PlanJoin(join));
    v1::DrainMemberRequest drain;
    drain.set_member_name("pool");
    drain.set_draining(true);
    keep(*store, *before.PlanDrain(drain));
  }
  RegistryState after({}, /*incarnation=*/2);
  const auto contents = Open()->Load();
  ASSERT_THAT(contents, testing::IsOk());
  for (const auto& [key, value] : contents->records) {
    ASSERT_THAT(after.Apply({{key, value}}, absl::ZeroDuration()),
                testing::IsOk());
  }
  ASSERT_NE(after.FindMember(1), nullptr);
  EXPECT_TRUE(after.FindMember(1)->draining());
}

TEST_P(StoreContractTest, CommitOfNoWritesSucceeds) {
  auto store = Open();
  ASSERT_THAT(Commit(*store, {{"a", "1"}}), testing::IsOk());
  ASSERT_THAT(Commit(*store, {}), testing::IsOk());
  EXPECT_THAT(store->Load(), HoldsRecords(StoreRecords{{"a", "1"}}));
}

TEST_P(StoreContractTest, ChangesLeadFromEachRevisionToTheLast) {
  auto store = Open();
  std::vector<StoreContents> history = {*store->Load()};
  for (const std::vector<StoreWrite>& writes :
       {std::vector<StoreWrite>{{"a", "1"}, {"b", "1"}},
        {{"a", std::nullopt}, {"c", "2"}},
        {},
        {{"a", "3"}, {"c", std::nullopt}, {"c", "4"}}}) {
    ASSERT_THAT(Commit(*store, writes), testing::IsOk());
    history.push_back(*store->Load());
  }
  for (const StoreContents& past : history) {
    const auto changes = store->ReadChanges(past.revision);
    ASSERT_THAT(changes, testing::IsOk());
    EXPECT_EQ(changes->revision, history.back().revision);
    EXPECT_EQ(TakeIn(past.records, *changes), history.back().records)
        << "from revision " << past.revision;
  }
}

TEST_P(StoreContractTest, NothingHasChangedSinceTheLastCommit) {
  auto store = Open();
  const auto revision = Commit(*store, {{"a", "1"}});
  ASSERT_THAT(revision, testing::IsOk());
  const auto changes = store->ReadChanges(*revision);
  ASSERT_THAT(changes, testing::IsOk());
  EXPECT_FALSE(changes->from_scratch);
  EXPECT_THAT(changes->writes, ::testing::IsEmpty());
  EXPECT_EQ(changes->revision, *revision);
}

TEST_P(StoreContractTest, RegistryThatHoldsItsNameIsAlive) {
  constexpr uint64_t kIncarnation = 0xfedcba9876543210;
  auto store = Open();
  EXPECT_THAT(store->LiveRegistries(),
              testing::IsOkAndHolds(::testing::IsEmpty()));
  ASSERT_THAT(store->HoldRegistry(kIncarnation), testing::IsOk());
  EXPECT_THAT(store->LiveRegistries(),
              testing::IsOkAndHolds(::testing::ElementsAre(kIncarnation)));
  store.reset();
  EXPECT_THAT(Open()->LiveRegistries(),
              testing::IsOkAndHolds(::testing::IsEmpty()));
}

// For the stores that several registries can share.
class SharedStoreContractTest : public StoreContractTest {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedStoreContractTest);

TEST_P(SharedStoreContractTest, RegistriesSeeEachOthersCommits) {
  auto one = Open();
  auto other = Open();
  const int64_t old = other->Load()->revision;
  const auto revision = Commit(*one, {{"a", "1"}});
  ASSERT_THAT(revision, testing::IsOk());
  const auto changes = other->ReadChanges(old);
  ASSERT_THAT(changes, testing::IsOk());
  EXPECT_EQ(TakeIn({}, *changes), (StoreRecords{{"a", "1"}}));
  EXPECT_EQ(changes->revision, *revision);
}

TEST_P(SharedStoreContractTest, OneOfTwoCommitsToTheSameRevisionIsAborted) {
  auto one = Open();
  auto other = Open();
  const int64_t revision = one->Load()->revision;
  ASSERT_EQ(other->Load()->revision, revision);
  EXPECT_THAT(one->Commit(std::vector<StoreWrite>{{"a", "1"}}, revision),
              testing::IsOk());
  EXPECT_THAT(other->Commit(std::vector<StoreWrite>{{"b", "2"}}, revision),
              testing::StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(other->Load(), HoldsRecords(StoreRecords{{"a", "1"}}));
}

TEST_P(SharedStoreContractTest, NoIncrementIsLostAmongRacingRegistries) {
  constexpr int kRegistries = 3;
  constexpr int kIncrements = 20;
  std::vector<std::thread> registries;
  for (int r = 0; r < kRegistries; ++r) {
    registries.emplace_back([this] {
      auto store = Open();
      StoreContents known = *store->Load();
      for (int i = 0; i < kIncrements;) {
        int count = 0;
        if (const auto it = known.records.find("count");
            it != known.records.end()) {
          ASSERT_TRUE(absl::SimpleAtoi(it->second, &count));
        }
        const std::string next = absl::StrCat(count + 1);
        const auto revision = store->Commit(
            std::vector<StoreWrite>{{"count", next}}, known.revision);
        if (revision.ok()) {
          known.records["count"] = next;
          known.revision = *revision;
          ++i;
          continue;
        }
        ASSERT_THAT(revision, testing::StatusIs(absl::StatusCode::kAborted));
        const auto changes = store->ReadChanges(known.revision);
        ASSERT_THAT(changes, testing::IsOk());
        known.records = TakeIn(std::move(known.records), *changes);
        known.revision = changes->revision;
      }
    });
  }
  for (std::thread& registry : registries) registry.join();
  EXPECT_THAT(Open()->Load(),
              HoldsRecords(StoreRecords{
                  {"count", absl::StrCat(kRegistries * kIncrements)}}));
}

// Whoever commits, whatever it is, and however often the others look: what a
// registry knows is what the store holds.
TEST_P(SharedStoreContractTest, EveryRegistryComesToKnowTheSame) {
  constexpr uint64_t kSeed = 7;
  SCOPED_TRACE(absl::StrCat("seed ", kSeed));
  RandomStream random(kSeed, 0, 0);
  struct Registry {
    std::unique_ptr<RegistryStore> store;
    StoreContents known;
  };
  std::vector<Registry> registries;
  for (int i = 0; i < 3; ++i) {
    Registry& registry = registries.emplace_back(Registry{Open(), {}});
    registry.known = *registry.store->Load();
  }
  StoreRecords truth;
  const auto catch_up = [](Registry& registry) {
    const auto changes = registry.store->ReadChanges(registry.known.revision);
    ASSERT_THAT(changes, testing::IsOk());
    registry.known.records =
        TakeIn(std::move(registry.known.records), *changes);
    registry.known.revision = changes->revision;
  };
  for (int step = 0; step < 100; ++step) {
    Registry& registry = registries[random.Below(registries.size())];
    StoreChanges plan;
    for (uint64_t i = random.Below(4); i > 0; --i) {
      StoreWrite& write = plan.writes.emplace_back();
      write.key = absl::StrCat("key ", random.Below(5));
      // Sizes around whatever a store may do differently with large ones.
      if (random.Below(4) > 0) {
        write.value = std::string(size_t{1} << random.Below(22), '0');
        write.value->append(absl::StrCat(step));
      }
    }
    auto revision =
        registry.store->Commit(plan.writes, registry.known.revision);
    if (!revision.ok()) {
      ASSERT_THAT(revision, testing::StatusIs(absl::StatusCode::kAborted));
      catch_up(registry);
      ASSERT_TRUE(registry.known.records == truth) << "step " << step;
      revision = registry.store->Commit(plan.writes, registry.known.revision);
      ASSERT_THAT(revision, testing::IsOk());
    }
    registry.known.revision = *revision;
    registry.known.records = TakeIn(std::move(registry.known.records), plan);
    truth = TakeIn(std::move(truth), plan);
  }
  for (Registry& registry : registries) {
    catch_up(registry);
    EXPECT_TRUE(registry.known.records == truth);
    EXPECT_TRUE(registry.store->Load()->records == truth);
  }
}

TEST_P(SharedStoreContractTest, OthersAreToldOfCommitsAndOfRegistries) {
  auto one = Open();
  auto other = Open();
  Mutex mutex;
  int64_t told = 0;  // guarded by mutex
  // Waits for a call that comes after the change.
  const auto await_call = [&](const auto& change) {
    int64_t before;
    {
      MutexLock lock(&mutex);
      before = told;
    }
    change();
    MutexLock lock(&mutex);
    const auto called = [&] { return told > before; };
    return mutex.AwaitWithTimeout(absl::Condition(&called), absl::Minutes(1));
  };
  other->Watch([&] {
    MutexLock lock(&mutex);
    ++told;
  });
  EXPECT_TRUE(await_call([&] {
    ASSERT_THAT(Commit(*one, {{"a", "1"}}), testing::IsOk());
  }));
  EXPECT_TRUE(
      await_call([&] { ASSERT_THAT(one->HoldRegistry(7), testing::IsOk()); }));
  EXPECT_TRUE(await_call([&] { one.reset(); }));
  other.reset();  // before what its calls use
}

TEST_P(SharedStoreContractTest, LiveRegistriesAreThoseThatHoldTheirNames) {
  auto one = Open();
  auto other = Open();
  ASSERT_THAT(one->HoldRegistry(1), testing::IsOk());
  ASSERT_THAT(other->HoldRegistry(2), testing::IsOk());
  EXPECT_THAT(one->LiveRegistries(),
              testing::IsOkAndHolds(::testing::ElementsAre(1, 2)));
  one.reset();
  EXPECT_THAT(other->LiveRegistries(),
              testing::IsOkAndHolds(::testing::ElementsAre(2)));
}

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_
