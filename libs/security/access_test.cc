#include "libs/security/access.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "libs/security/identity.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/callee.pb.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead::security {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

const Identity kRegistry = {.role = Role::kRegistry};
const Identity kPool = {.role = Role::kPool};
const Identity kGateway = {.role = Role::kGateway};
const Identity kOperator = {.role = Role::kOperator};
const Identity kJobA = {.role = Role::kTrainer, .job = "a"};
const Identity kJobB = {.role = Role::kTrainer, .job = "b"};
const std::vector<Identity> kEveryone = {kRegistry, kPool, kGateway,
                                         kOperator, kJobA, kJobB};

// Every method of every service of ours, from the descriptors.
std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::JoinRequest::descriptor()->file(),
        v1::RegisterInputRequest::descriptor()->file(),
        v1::GetDatasetMetaRequest::descriptor()->file(),
        v1::ReceiveRequest::descriptor()->file(),
        v1::CallRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(absl::StrCat("/", file->service(s)->full_name(), "/",
                                       file->service(s)->method(m)->name()));
      }
    }
  }
  return methods;
}

TEST(Access, EveryMethodHasARowAndEveryRowIsAMethod) {
  const std::vector<std::string> rows = MethodsWithAccess();
  const std::set<std::string> with_row(rows.begin(), rows.end());
  EXPECT_EQ(with_row.size(), rows.size()) << "a method stands there twice";
  const std::vector<std::string> all = AllMethods();
  EXPECT_EQ(all.size(), 40);
  const std::set<std::string> methods(all.begin(), all.end());
  for (const std::string& method : methods) {
    EXPECT_TRUE(with_row.contains(method))
        << method << ": say in access.cc who may call it";
  }
  for (const std::string& row : rows) {
    EXPECT_TRUE(methods.contains(row) || absl::StartsWith(row, "/grpc."))
        << row << ": is no method";
  }
}

// Who may call what, said once more, by caller.
TEST(Access, OfEachRoleIsWhatItsWorkNeeds) {
  const std::string registry = "/fairlead.v1.RegistryService/";
  const std::string pool = "/fairlead.v1.SamplerPoolService/";
  const std::string store = "/fairlead.v1.GraphStoreService/";
  const std::string gateway = "/fairlead.v1.ChannelGatewayService/";
  const std::vector<std::string> membership = {
      registry + "Join", registry + "Heartbeat", registry + "Leave",
      registry + "ListMembers", registry + "WatchMembers"};
  const std::vector<std::string> questions = {
      store + "GetDatasetMeta",   store + "GetPartitionIds",
      store + "GetPartitionBook", store + "GetRows",
      store + "GetEdgeIndex",     store + "GetNodeIds",
      store + "GetAblpInput"};
  const std::vector<std::string> channel = {
      registry + "UpdateChannel", registry + "CancelEpoch",
      registry + "DestroySamplingInput", registry + "DescribeChannel",
      registry + "PlanSamplingInput"};
  std::vector<std::pair<Identity, std::set<std::string>>> table = {
      {kRegistry,
       {pool + "RegisterInput", pool + "PlanInput", pool + "StartEpoch",
        pool + "UpdateInput", pool + "CancelEpoch", pool + "UnregisterInput",
        pool + "DescribeInput", pool + "ListInputs"}},
      {kPool,
       {registry + "ListAssignments", store + "GetDatasetMeta",
        store + "PeerFetch"}},
      {kGateway, {registry + "ResolveChannel", pool + "AttachConsumer"}},
      {kOperator,
       {registry + "ListMembers", registry + "WatchMembers",
        registry + "ListChannels", registry + "ListBackends",
        registry + "DrainMember", registry + "ResolveChannel",
        pool + "DescribeInput", pool + "ListInputs",
        gateway + "ListTimelines"}},
      {kJobA,
       {registry + "AllGather", registry + "InitSamplingBackend",
        registry + "RegisterSamplingInput", registry + "StartEpoch",
        gateway + "Receive", gateway + "Fetch"}},
  };
  for (const size_t member : {1, 2, 4}) {
    table[member].second.insert(membership.begin(), membership.end());
  }
  for (const size_t user : {3, 4}) {
    table[user].second.insert(questions.begin(), questions.end());
    table[user].second.insert(channel.begin(), channel.end());
  }
  for (const auto& [caller, allowed] : table) {
    for (const std::string& method : AllMethods()) {
      const absl::Status status = CheckAccess(method, caller, kRegistry);
      if (allowed.contains(method)) {
        EXPECT_THAT(status, IsOk());
      } else {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                                     HasSubstr(ToString(caller))))
            << method;
      }
    }
  }
}

TEST(Access, OfNobodyIsOnlyTheQuestionWhetherAServiceLives) {
  for (const std::string& method : MethodsWithAccess()) {
    if (method == "/grpc.health.v1.Health/Check") {
      EXPECT_THAT(CheckAccess(method, {}, kRegistry), IsOk());
    } else {
      EXPECT_THAT(CheckAccess(method, {}, kRegistry),
                  StatusIs(absl::StatusCode::kUnauthenticated));
    }
  }
}

TEST(Access, ToAProcessOfAJobHasThatJobAlone) {
  for (const std::string& method : AllMethods()) {
    for (const Identity& caller : kEveryone) {
      if (caller == kJobA) {
        EXPECT_THAT(CheckAccess(method, caller, kJobA), IsOk());
      } else {
        EXPECT_THAT(
            CheckAccess(method, caller, kJobA),
            StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("job a")));
      }
    }
  }
}

TEST(Access, ToWhatHasNoRowHasNobody) {
  for (const char* method : {"", "/", "/fairlead.v1.RegistryService/",
                             "/fairlead.v1.RegistryService/join",
                             "/fairlead.v1.RegistryService/Exit",
                             "/fairlead.v1.RegistryService/Join/"}) {
    for (const Identity& caller : kEveryone) {
      EXPECT_THAT(CheckAccess(method, caller, kRegistry),
                  StatusIs(absl::StatusCode::kUnimplemented));
      EXPECT_THAT(CheckAccess(method, caller, caller), Not(IsOk()));
    }
  }
}

TEST(Access, WhatIsAJobsIsNoOtherJobs) {
  EXPECT_THAT(CheckSameJob(kJobA, "a", "channel 7"), IsOk());
  for (const char* job : {"b", "", "A", "a "}) {
    EXPECT_THAT(CheckSameJob(kJobA, job, "channel 7"),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         "channel 7: is not of job a"));
  }
  EXPECT_THAT(CheckSameJob(kOperator, "b", "channel 7"), IsOk());
}

}  // namespace
}  // namespace fairlead::security
