#include "libs/partition_client/replica_directory.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/partition_client/peer_source.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Time kNow = absl::UnixEpoch();

class ReplicaDirectoryTest : public ::testing::Test {
 protected:
  // Who is asked in a call that nobody answers.
  std::vector<std::string> Tried(uint32_t partition, absl::Time now = kNow) {
    std::vector<ReplicaDirectory::ReplicaPtr> tried;
    std::vector<std::string> addresses;
    while (const auto replica = directory_.Next(partition, tried, now)) {
      tried.push_back(replica);
      addresses.push_back(replica->address);
    }
    return addresses;
  }
  ReplicaDirectory::ReplicaPtr Next(uint32_t partition, absl::Time now = kNow) {
    return directory_.Next(partition, {}, now);
  }

  ReplicaDirectory directory_;
};

TEST_F(ReplicaDirectoryTest, PartitionThatNobodyWasNamedForHasNone) {
  EXPECT_EQ(Next(0), nullptr);
  directory_.Set({{1, "a:1"}});
  EXPECT_EQ(Next(0), nullptr);
  EXPECT_THAT(Tried(0), IsEmpty());
  EXPECT_THAT(Tried(1), ElementsAre("a:1"));
}

// However calls for other partitions come in between.
TEST_F(ReplicaDirectoryTest, EachPartitionGoesRoundItsOwnReplicas) {
  directory_.Set({{0, "a:1"}, {1, "b:1"}, {0, "c:1"}, {1, "d:1"}});
  std::vector<std::string> first;
  std::vector<std::string> second;
  for (int i = 0; i < 4; ++i) {
    first.push_back(Next(0)->address);
    second.push_back(Next(1)->address);
  }
  EXPECT_THAT(first, ElementsAre("a:1", "c:1", "a:1", "c:1"));
  EXPECT_THAT(second, ElementsAre("b:1", "d:1", "b:1", "d:1"));
}

TEST_F(ReplicaDirectoryTest, CallTriesEachReplicaOnceWhoeverElseCalls) {
  directory_.Set({{0, "a:1"}, {0, "b:1"}, {0, "c:1"}});
  std::vector<ReplicaDirectory::ReplicaPtr> tried;
  tried.push_back(directory_.Next(0, tried, kNow));
  EXPECT_EQ(Next(0)->address, "b:1");  // another call
  tried.push_back(directory_.Next(0, tried, kNow));
  EXPECT_EQ(Next(0)->address, "a:1");
  tried.push_back(directory_.Next(0, tried, kNow));
  EXPECT_EQ(directory_.Next(0, tried, kNow), nullptr);
  EXPECT_EQ(tried[0]->address, "a:1");
  EXPECT_EQ(tried[1]->address, "c:1");
  EXPECT_EQ(tried[2]->address, "b:1");
}

TEST_F(ReplicaDirectoryTest, OneThatHasNotAnsweredIsTheLastResortForAWhile) {
  directory_.Set({{0, "a:1"}, {0, "b:1"}, {0, "c:1"}});
  directory_.Avoid(*Next(0), kNow + absl::Seconds(10));
  EXPECT_THAT(Tried(0), ElementsAre("b:1", "c:1", "a:1"));
  EXPECT_THAT(Tried(0), ElementsAre("b:1", "c:1", "a:1"));
  EXPECT_THAT(Tried(0, kNow + absl::Seconds(10)),
              ElementsAre("a:1", "b:1", "c:1"));
}

TEST_F(ReplicaDirectoryTest, IfNobodyAnswersTheOneThatFailedFirstComesFirst) {
  directory_.Set({{0, "a:1"}, {0, "b:1"}});
  directory_.Avoid(*Next(0), kNow + absl::Seconds(10));
  directory_.Avoid(*Next(0), kNow + absl::Seconds(9));
  EXPECT_THAT(Tried(0), ElementsAre("b:1", "a:1"));
}

TEST_F(ReplicaDirectoryTest, NewListKeepsWhoStaysAndForgetsWhoIsGone) {
  directory_.Set({{0, "a:1"}, {0, "b:1"}, {1, "a:1"}});
  const ReplicaDirectory::ReplicaPtr a = Next(0);
  directory_.Set({{0, "c:1"}, {0, "a:1"}});
  std::vector<ReplicaDirectory::ReplicaPtr> now = {Next(0), Next(0)};
  EXPECT_THAT(now, ::testing::Contains(a));  // the same connection
  EXPECT_THAT(Tried(0), ::testing::UnorderedElementsAre("a:1", "c:1"));
  // Nobody is named for it: maybe the registry has only just begun.
  EXPECT_THAT(Tried(1), ElementsAre("a:1"));
}

}  // namespace
}  // namespace fairlead
