#include "tools/fairleadctl/capacity_plan.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cost_model/degree_profile.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

CapacityQuestion Question() {
  CapacityQuestion question;
  question.profile =
      *DegreeProfile::OfKronecker(/*nodes=*/1 << 20, /*edges=*/20 << 20, 0.76);
  question.widths = {.features = 512, .labels = 8};
  question.dataset_bytes = 1e9;
  question.load = {.batch_size = 1024, .fanout = {10, 5}};
  return question;
}

TEST(PlanCapacity, HostsShareTheLoadAndTheDataset) {
  CapacityQuestion question = Question();
  question.trainers = 8;
  question.batches_per_s = 20;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CapacityPlan one, PlanCapacity(question));
  question.hosts = 4;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CapacityPlan four,
                                PlanCapacity(question));
  EXPECT_DOUBLE_EQ(four.host.dataset_bytes, one.host.dataset_bytes / 4);
  EXPECT_DOUBLE_EQ(four.host.sent_bytes_per_s, one.host.sent_bytes_per_s / 4);
  EXPECT_DOUBLE_EQ(four.host.cores, one.host.cores / 4);
  // Each trainer has a channel on every host.
  EXPECT_DOUBLE_EQ(four.host.shm_bytes, one.host.shm_bytes);
  EXPECT_EQ(one.host.peer_bytes_per_s, 0);
  EXPECT_GT(four.host.peer_bytes_per_s, 0);
}

TEST(PlanCapacity, NetworkIsMessagesTimesTheirRate) {
  CapacityQuestion question = Question();
  question.trainers = 3;
  question.batches_per_s = 5;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CapacityPlan plan,
                                PlanCapacity(question));
  EXPECT_DOUBLE_EQ(plan.host.sent_bytes_per_s, 15 * plan.batch.message_bytes);
  EXPECT_DOUBLE_EQ(plan.trainer.received_bytes_per_s,
                   5 * plan.batch.message_bytes);
  EXPECT_DOUBLE_EQ(plan.host.shm_bytes, 3 * plan.host.buffer_bytes);
}

TEST(PlanCapacity, RefusesWhatMakesNoSense) {
  CapacityQuestion question = Question();
  question.trainers = 0;
  EXPECT_THAT(
      PlanCapacity(question),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("trainers")));
  question = Question();
  question.load.batch_size = 1e9;
  EXPECT_THAT(
      PlanCapacity(question),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
}

TEST(CapacityPlan, JsonAndTextSayTheSame) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CapacityPlan plan,
                                PlanCapacity(Question()));
  EXPECT_EQ(plan.ToJson()["storage_host"]["cores"], plan.host.cores);
  EXPECT_EQ(plan.ToJson()["batch"]["hops"].size(), 2);
  EXPECT_THAT(plan.ToText(), HasSubstr("hop 2"));
  EXPECT_THAT(plan.ToText(), HasSubstr("--shm_budget"));
}

}  // namespace
}  // namespace fairlead
