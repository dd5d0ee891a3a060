#include "libs/dist_context/dist_context.h"

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DistRole, HasTheNumbersOfTheOriginal) {
  EXPECT_EQ(static_cast<int>(DistRole::kWorker), 1);
  EXPECT_EQ(static_cast<int>(DistRole::kServer), 2);
  EXPECT_EQ(static_cast<int>(DistRole::kClient), 3);
}

TEST(DistContext, BothSidesCountServersAndClientsAlike) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistContext server,
                                MakeServerContext(2, 3, 1, ""));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistContext client,
                                MakeClientContext(2, 3, 1, "my-group"));
  for (const DistContext& context : {server, client}) {
    EXPECT_EQ(context.num_servers(), 2u);
    EXPECT_EQ(context.num_clients(), 3u);
    EXPECT_EQ(context.global_world_size, 5u);
  }
  EXPECT_TRUE(server.is_server());
  EXPECT_EQ(server.global_rank, 1u);
  EXPECT_EQ(server.worker_name(), "_default_server_1");
  EXPECT_TRUE(client.is_client());
  EXPECT_EQ(client.global_rank, 3u);
  EXPECT_EQ(client.worker_name(), "my_group_1");
  EXPECT_NE(server, client);
}

TEST(DistContext, WorkersHaveNeitherServersNorClients) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistContext worker,
                                MakeWorkerContext(4, 2, ""));
  EXPECT_TRUE(worker.is_worker());
  EXPECT_EQ(worker.num_servers(), 0u);
  EXPECT_EQ(worker.num_clients(), 0u);
  EXPECT_EQ(worker.worker_name(), "_default_worker_2");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistContext twin,
                                MakeWorkerContext(4, 2, ""));
  EXPECT_EQ(worker, twin);
}

TEST(DistContext, WhatIsOutOfRangeIsNamed) {
  const auto invalid = [](const char* what, const char* value) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    AllOf(HasSubstr(what), HasSubstr(value)));
  };
  const DistContext good = {.group_name = "g",
                            .world_size = 2,
                            .rank = 1,
                            .global_world_size = 3,
                            .global_rank = 2};
  EXPECT_THAT(Validate(good), IsOk());
  DistContext bad = good;
  bad.world_size = 0;
  EXPECT_THAT(Validate(bad), invalid("world_size", "got 0"));
  bad = good;
  bad.rank = 2;
  EXPECT_THAT(Validate(bad), invalid("rank: 2", "world_size 2"));
  bad = good;
  bad.global_rank = 3;
  EXPECT_THAT(Validate(bad), invalid("global_rank: 3", "3"));
  bad = good;
  bad.world_size = 4;
  EXPECT_THAT(Validate(bad), invalid("world_size: 4", "global_world_size 3"));
  bad = good;
  bad.group_name = "a/b";
  EXPECT_THAT(Validate(bad), invalid("group_name", "a/b"));

  EXPECT_THAT(MakeServerContext(0, 1, 0, ""), invalid("num_servers", "got 0"));
  EXPECT_THAT(MakeServerContext(2, 1, 2, ""),
              invalid("server_rank: 2", "num_servers 2"));
  EXPECT_THAT(MakeServerContext(1, UINT32_MAX, 0, ""),
              invalid("num_clients", "4294967295"));
  EXPECT_THAT(MakeClientContext(1, 0, 0, ""), invalid("num_clients", "got 0"));
  EXPECT_THAT(MakeClientContext(1, 2, 2, ""),
              invalid("client_rank: 2", "num_clients 2"));
  EXPECT_THAT(MakeClientContext(65536, 1, 0, ""),
              invalid("global_world_size", "65537"));
}

std::vector<std::vector<uint32_t>> Assign(uint32_t servers, uint32_t clients) {
  std::vector<std::vector<uint32_t>> result;
  for (uint32_t client = 0; client < clients; ++client) {
    result.push_back(*AssignServerByOrder(servers, clients, client));
  }
  return result;
}

TEST(AssignServerByOrder, IsAsTheOriginalHasIt) {
  EXPECT_THAT(Assign(4, 2), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  EXPECT_THAT(Assign(2, 5),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(0),
                          ElementsAre(1), ElementsAre(0)));
  EXPECT_THAT(Assign(5, 2),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4)));
}

TEST(AssignServerByOrder, LeavesNoServerOutAndGivesEveryClientOne) {
  for (uint32_t servers = 1; servers <= 12; ++servers) {
    for (uint32_t clients = 1; clients <= 12; ++clients) {
      std::set<uint32_t> asked;
      for (const std::vector<uint32_t>& some : Assign(servers, clients)) {
        EXPECT_FALSE(some.empty());
        asked.insert(some.begin(), some.end());
      }
      EXPECT_EQ(asked.size(), servers) << servers << " " << clients;
      EXPECT_LT(*asked.rbegin(), servers);
    }
  }
}

}  // namespace
}  // namespace fairlead
