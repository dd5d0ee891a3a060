// Members that meet at a real registry: barriers, all-gathers, who is there;
// over its restart, over deaths, and with what does not fit.

#include "libs/membership/rendezvous.h"

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/service_process.h"
#include "libs/membership/membership.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::StartRegistry;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RendezvousTest : public ::testing::Test {
 protected:
  void SetUp() override { Start("127.0.0.1:0"); }

  void Start(const std::string& listen) {
    auto registry = StartRegistry(folder_, listen);
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
  }

  std::unique_ptr<Membership> Join(const std::string& name,
                                   absl::Duration lease = kPatience) {
    Membership::Options options;
    options.registry = registry_->address();
    options.member.set_member_name(name);
    options.member.set_role(v1::ROLE_TRAINER);
    options.member.mutable_lease()->set_seconds(absl::ToInt64Seconds(lease));
    auto membership = Membership::Start(std::move(options));
    EXPECT_THAT(membership, IsOk());
    return *std::move(membership);
  }

  const std::string folder_ = NewFolder();
  std::optional<ServiceProcess> registry_;
};

TEST_F(RendezvousTest, RanksGetEachOthersValuesRoundAfterRound) {
  static constexpr uint32_t kRanks = 4;
  static constexpr int kRounds = 5;
  std::vector<std::future<void>> ranks;
  for (uint32_t rank = 0; rank < kRanks; ++rank) {
    ranks.push_back(std::async(std::launch::async, [this, rank] {
      const auto member = Join(absl::StrCat("t", rank));
      Rendezvous group(member.get(), "job", kRanks, rank);
      for (int round = 0; round < kRounds; ++round) {
        const auto values =
            group.AllGather(absl::StrCat(round, ".", rank), kPatience);
        ASSERT_THAT(values, IsOk());
        ASSERT_EQ(values->size(), kRanks);
        for (uint32_t r = 0; r < kRanks; ++r) {
          EXPECT_EQ((*values)[r].member_name, absl::StrCat("t", r));
          EXPECT_EQ((*values)[r].value, absl::StrCat(round, ".", r));
        }
      }
      // Nobody leaves while another may still lack the last answer.
      ASSERT_THAT(group.Barrier(kPatience), IsOk());
    }));
  }
  for (auto& rank : ranks) rank.get();
}

TEST_F(RendezvousTest, RegistryThatIsKilledMeanwhileIsWaitedFor) {
  const auto a = Join("a");
  const auto b = Join("b");
  Rendezvous at_a(a.get(), "job", 2, 0);
  Rendezvous at_b(b.get(), "job", 2, 1);
  auto waiting = std::async(std::launch::async,
                            [&at_a] { return at_a.AllGather("x", kPatience); });
  const std::string address = registry_->address();
  registry_.reset();  // kills it
  Start(address);
  EXPECT_THAT(at_b.AllGather("y", kPatience), IsOk());
  const auto values = waiting.get();
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ((*values)[1].value, "y");
}

TEST_F(RendezvousTest, WhoIsMissingIsNamedInTime) {
  const auto a = Join("a");
  Rendezvous group(a.get(), "job", 3, 1);
  EXPECT_THAT(group.Barrier(absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       AllOf(HasSubstr("group job"), HasSubstr("0, 2"))));
}

TEST_F(RendezvousTest, MismatchAndTwinAreToldAtOnceWithBothSides) {
  const auto a = Join("a");
  const auto b = Join("b");
  Rendezvous first(a.get(), "job", 3, 0);
  ASSERT_THAT(first.Barrier(absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(
      Rendezvous(b.get(), "job", 4, 1).Barrier(kPatience),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("4 at rank 1"), HasSubstr("3 at rank 0"))));
  EXPECT_THAT(Rendezvous(b.get(), "job", 3, 0).Barrier(kPatience),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("taken by a"), HasSubstr("and b"))));
  EXPECT_THAT(Rendezvous(b.get(), "no good", 3, 1).Barrier(kPatience),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("group")));
}

TEST_F(RendezvousTest, MemberThatLeavesEndsTheWaitOfTheOthers) {
  const auto a = Join("a");
  // Whether a waits by the time b leaves is not for this test to decide: if it
  // does not, a begins the round anew, and alone. Then they meet once more.
  absl::Status status;
  for (int i = 0; i < 100 && !absl::IsAborted(status); ++i) {
    auto b = Join("b");
    const std::string group = absl::StrCat("job", i);
    Rendezvous at_a(a.get(), group, 3, 0);
    Rendezvous at_b(b.get(), group, 3, 1);
    auto waiting = std::async(
        std::launch::async, [&at_a] { return at_a.Barrier(absl::Seconds(1)); });
    ASSERT_THAT(at_b.Barrier(absl::Milliseconds(10)),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
    b.reset();
    status = waiting.get();
  }
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kAborted, HasSubstr("b left")));
}

TEST_F(RendezvousTest, WatchTellsOfMembersThatComeAndGo) {
  const auto stub =
      v1::RegistryService::NewStub(rpc::MakeChannel(registry_->address()));
  const auto first = Join("first");
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  v1::WatchMembersRequest request;
  request.set_role(v1::ROLE_TRAINER);
  const auto watch = stub->WatchMembers(&context, request);
  v1::WatchMembersResponse response;
  ASSERT_TRUE(watch->Read(&response));
  ASSERT_EQ(response.members_size(), 1);
  EXPECT_EQ(response.members(0).member_name(), "first");
  auto second = Join("second");
  ASSERT_TRUE(watch->Read(&response));
  ASSERT_EQ(response.members_size(), 1);
  EXPECT_EQ(response.members(0).member_name(), "second");
  const uint64_t id = second->member_id();
  second.reset();
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_THAT(response.left(), ElementsAre(id));
  context.TryCancel();
}

}  // namespace
}  // namespace fairlead
