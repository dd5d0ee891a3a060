#include "services/registry/registry_core.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/fake_clock.h"
#include "libs/rpc/readiness.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/telemetry.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/fake_registry_store.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_state.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr absl::Duration kLease = absl::Seconds(10);

// A registry without a network, over a medium that others may share. Its
// thread does not run unless a test starts it.
class Registry final : private RegistryCore::Listener {
 public:
  Registry(FakeRegistryStore::Medium* medium, const Clock& clock)
      : store(medium), metrics_(telemetry_) {
    auto created = RegistryCore::Create({.default_lease = kLease}, store, clock,
                                        metrics_, readiness, *this);
    EXPECT_THAT(created, IsOk());
    core = *std::move(created);
  }
  ~Registry() override { core->Stop(); }

  absl::StatusOr<v1::JoinResponse> Join(const std::string& name,
                                        v1::Role role = v1::ROLE_TRAINER) {
    return core->Change<v1::JoinResponse>([&](const RegistryState& state) {
      v1::JoinRequest request;
      request.set_member_name(name);
      request.set_role(role);
      if (role != v1::ROLE_TRAINER) {
        request.set_address("host:1");
        request.set_shm_domain("domain");
      }
      return state.PlanJoin(request);
    });
  }

  std::vector<std::string> Members() {
    std::vector<std::string> names;
    const v1::ListMembersResponse list =
        core->Read([](const RegistryState& state) {
          return state.ListMembers(v1::ROLE_UNSPECIFIED);
        });
    for (const v1::Member& member : list.members()) {
      names.push_back(member.member_name());
    }
    return names;
  }

  // Waits until a change, of its own or of another registry, makes `reached`
  // true.
  void Await(const std::function<bool()>& reached) {
    MutexLock lock(&mutex_);
    while (!reached()) {
      const uint64_t seen = changes_;
      const auto changed = [this, seen]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return changes_ != seen;
      };
      mutex_.Await(absl::Condition(&changed));
    }
  }

  std::string Scrape() {
    const auto sampled = telemetry_.OnScrape([this](MetricSamples& samples) {
      SampleRegistry(core->Count(), samples);
    });
    return telemetry_.Expose();
  }

  FakeRegistryStore store;
  rpc::Readiness readiness;
  std::unique_ptr<RegistryCore> core;

 private:
  void OnChanged() override {
    MutexLock lock(&mutex_);
    ++changes_;
  }
  bool OnEnded(std::vector<RegistryState::Ended> /*ended*/) override {
    return true;
  }

  Telemetry telemetry_;
  RegistryMetrics metrics_;
  Mutex mutex_;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class RegistryCoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Registry> Start() {
    return std::make_unique<Registry>(&medium_, clock_);
  }
  void CopyTo(FakeRegistryStore::Medium* copy) {
    MutexLock lock(&medium_.mutex);
    MutexLock also(&copy->mutex);
    copy->records = medium_.records;
    copy->commits = medium_.commits;
  }

  FakeRegistryStore::Medium medium_;
  FakeClock clock_;
};

TEST_F(RegistryCoreTest, TwoRegistriesOverOneStoreGiveEachIdOnce) {
  const auto a = Start();
  const auto b = Start();
  std::vector<uint64_t> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(a->Join(absl::StrCat("a", i))->member_id());
    ids.push_back(b->Join(absl::StrCat("b", i))->member_id());
  }
  EXPECT_THAT(ids, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

// What is put back knows nothing of who came since, and they still live.
TEST_F(RegistryCoreTest, BackupOfItsStoreGivesNoIdAgain) {
  auto registry = Start();
  ASSERT_THAT(registry->Join("before"), IsOk());
  FakeRegistryStore::Medium backup;
  CopyTo(&backup);
  clock_.Advance(absl::Minutes(1));
  std::vector<uint64_t> given;
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 5; ++i) {
      given.push_back(
          registry->Join(absl::StrCat("since", life, "-", i))->member_id());
    }
    registry = Start();
  }
  clock_.Advance(absl::Minutes(1));
  Registry restored(&backup, clock_);
  const auto other = std::make_unique<Registry>(&backup, clock_);
  for (int i = 0; i < 5; ++i) {
    const std::string name = absl::StrCat("anew", i);
    const uint64_t id =
        (i % 2 == 0 ? restored : *other).Join(name)->member_id();
    EXPECT_THAT(given, Each(Lt(id)));
    given.push_back(id);
  }
  EXPECT_THAT(restored.core->RenewLease(given[0], "since0-0", 0),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryCoreTest, RegistriesThatWriteAtOnceLoseNothing) {
  constexpr int kRegistries = 3;
  constexpr int kEach = 30;
  std::vector<std::unique_ptr<Registry>> registries;
  for (int r = 0; r < kRegistries; ++r) registries.push_back(Start());
  std::vector<std::thread> threads;
  for (int r = 0; r < kRegistries; ++r) {
    threads.emplace_back([&registries, r] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_THAT(registries[r]->Join(absl::StrCat("m", r, "-", i)), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto all = Start();
  EXPECT_THAT(all->Members(), SizeIs(kRegistries * kEach));
}

TEST_F(RegistryCoreTest, ErrorIsBelievedOnlyWhenAllThatOthersWroteIsKnown) {
  const auto a = Start();
  const auto b = Start();
  const uint64_t id = a->Join("m")->member_id();
  EXPECT_THAT(b->core->RenewLease(id, "m", 0), IsOk());
  EXPECT_THAT(b->core->RenewLease(id + 1, "m", 0),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryCoreTest, WhatAnotherRegistryWroteIsSeenWithoutAsking) {
  const auto a = Start();
  const auto b = Start();
  b->core->Run();
  ASSERT_THAT(a->Join("m"), IsOk());
  b->Await([&] { return b->Members().size() == 1; });
}

TEST_F(RegistryCoreTest, LeaseIsEndedByItsHomeAlone) {
  const auto a = Start();
  const auto b = Start();
  ASSERT_THAT(a->Join("m"), IsOk());
  ASSERT_THAT(b->core->RenewLease(1, "m", 0), IsOk());  // b knows of it now
  clock_.Advance(kLease);
  EXPECT_TRUE(b->core->Tend());
  EXPECT_THAT(b->Members(), ElementsAre("m"));
  EXPECT_TRUE(a->core->Tend());
  EXPECT_THAT(a->Members(), IsEmpty());
  EXPECT_TRUE(b->core->Tend());
}

TEST_F(RegistryCoreTest, MembersOfARegistryThatDiedAreAdoptedAndEndIfDead) {
  auto a = Start();
  const auto b = Start();
  b->core->Run();
  const uint64_t alive = a->Join("alive")->member_id();
  ASSERT_THAT(a->Join("dead"), IsOk());
  a.reset();
  // The watch told b that a is gone, and b adopts both, with half a lease.
  b->Await([&] {
    return b->core->Read([&](const RegistryState& state) {
      return state.NextExpiry() < absl::InfiniteDuration();
    });
  });
  EXPECT_THAT(b->Members(), ElementsAre("alive", "dead"));
  EXPECT_THAT(b->core->RenewLease(alive, "alive", 0), IsOk());
  clock_.Advance(kLease / 2);
  b->core->Tend();
  EXPECT_THAT(b->Members(), ElementsAre("alive"));
}

TEST_F(RegistryCoreTest, LeasesThatEndedWhileItDidNotRunAreRenewedOnce) {
  const auto a = Start();
  ASSERT_THAT(a->Join("m"), IsOk());
  clock_.Advance(kLease + absl::Seconds(15));  // as after SIGSTOP
  a->core->Tend();
  EXPECT_THAT(a->Members(), ElementsAre("m"));
  clock_.Advance(kLease);
  a->core->Tend();
  EXPECT_THAT(a->Members(), IsEmpty());
}

TEST_F(RegistryCoreTest, StoreThatFailsChangesNothingAndIsAskedAgain) {
  const auto a = Start();
  ASSERT_THAT(a->Join("m"), IsOk());
  a->store.FailWith(absl::UnavailableError("disk full"));
  EXPECT_THAT(a->Join("n"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(a->Members(), ElementsAre("m"));
  EXPECT_THAT(a->core->RenewLease(1, "m", 0), IsOk());
  clock_.Advance(kLease);
  EXPECT_FALSE(a->core->Tend());  // its end could not be written
  a->store.FailWith(absl::OkStatus());
  EXPECT_TRUE(a->core->Tend());
  EXPECT_THAT(a->Members(), IsEmpty());
  EXPECT_THAT(a->Join("n"), IsOk());
}

TEST_F(RegistryCoreTest, IsNotReadyFromAFailureOfTheStoreUntilItTakesAChange) {
  const auto registry = Start();
  ASSERT_THAT(registry->Join("a"), IsOk());
  EXPECT_TRUE(registry->readiness.ready());
  registry->store.FailWith(absl::ResourceExhaustedError("disk full"));
  EXPECT_FALSE(registry->Join("b").ok());
  EXPECT_THAT(registry->readiness.reasons(), ElementsAre(Pair("store", true)));
  EXPECT_FALSE(registry->core->Tend());  // tries, and is to be called again
  EXPECT_FALSE(registry->readiness.ready());
  EXPECT_THAT(registry->Scrape(),
              HasSubstr("fairlead_registry_store_failures_total 2"));
  registry->store.FailWith(absl::OkStatus());
  EXPECT_TRUE(registry->core->Tend());
  EXPECT_TRUE(registry->readiness.ready());
  EXPECT_THAT(registry->Members(), ElementsAre("a"));
}

TEST_F(RegistryCoreTest, AScrapeCountsMembersAndLeases) {
  const auto registry = Start();
  const auto trainer = registry->Join("trainer");
  ASSERT_THAT(trainer, IsOk());
  ASSERT_THAT(registry->Join("pool", v1::ROLE_SAMPLER_POOL), IsOk());
  ASSERT_THAT(registry->core->RenewLease(trainer->member_id(), "trainer", 0),
              IsOk());
  EXPECT_THAT(
      registry->Scrape(),
      AllOf(HasSubstr("fairlead_registry_members{role=\"trainer\"} 1"),
            HasSubstr("fairlead_registry_members{role=\"sampler_pool\"} 1"),
            HasSubstr("fairlead_registry_draining_members 0"),
            HasSubstr("fairlead_registry_lease_renewals_total 1"),
            HasSubstr("fairlead_registry_channels{state=\"lost\"} 0"),
            HasSubstr("fairlead_registry_reconcile_lag_seconds 0")));
}

}  // namespace
}  // namespace fairlead
