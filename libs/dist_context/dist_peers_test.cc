#include "libs/dist_context/dist_peers.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_context/dist_context.h"
#include "libs/membership/member_watch.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;

void Add(MemberWatch::Members& members, const std::string& name, uint64_t id) {
  v1::Member& member = members[name];
  member.set_member_name(name);
  member.set_member_id(id);
}

std::vector<std::string> Names(const MemberWatch::Members& members) {
  std::vector<std::string> names;
  for (const DistPeer& peer : ParsePeers(members)) {
    names.push_back(peer.member_name);
  }
  return names;
}

TEST(DistPeers, NameOfAMemberTellsWhichPeerItIs) {
  DistContext context;
  context.role = DistRole::kClient;
  context.group_name = "readers";
  context.rank = 3;
  v1::Member member;
  member.set_member_name(MemberName(context, "job"));
  member.set_address("host:1");
  const auto peer = ParsePeer(member);
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->role, DistRole::kClient);
  EXPECT_EQ(peer->rank, 3u);
  EXPECT_EQ(peer->worker_name, "readers_3");
  EXPECT_EQ(peer->address, "host:1");
  EXPECT_NE(MemberName(context, "job"), MemberName(context, "job"));
}

TEST(DistPeers, OtherMembersAreNone) {
  for (const char* name :
       {"", "trainer", "job/client/readers/3", "job/cook/readers/3/a",
        "job/client/readers/third/a", "job/client/readers/3/a/b"}) {
    v1::Member member;
    member.set_member_name(name);
    EXPECT_FALSE(ParsePeer(member).has_value()) << name;
  }
}

TEST(DistPeers, AreByRoleThenRankAndTheLaterOfTwoThatClaimOne) {
  MemberWatch::Members members;
  Add(members, "job/client/c/1/a", 1);
  Add(members, "job/server/s/0/a", 2);
  Add(members, "job/client/c/0/new", 9);
  Add(members, "job/client/c/0/old", 3);
  Add(members, "a trainer", 4);
  EXPECT_THAT(Names(members),
              ElementsAre("job/server/s/0/a", "job/client/c/0/new",
                          "job/client/c/1/a"));
  EXPECT_THAT(RanksOf(members, DistRole::kClient), ElementsAre(0, 1));
  EXPECT_THAT(Missing(RanksOf(members, DistRole::kClient), 4),
              ElementsAre(2, 3));
}

}  // namespace
}  // namespace fairlead
