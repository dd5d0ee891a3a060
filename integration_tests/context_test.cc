// The processes of a job meet at a real registry, and work: in any order, and
// with what does not fit.

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/context_fixture.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_session.h"
#include "libs/dist_rpc/callee_server.h"
#include "libs/dist_rpc/dist_rpc.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::ContextTest;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Joining;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::Session;
using ::fairlead::testing::StatusIs;
using ::google::protobuf::StringValue;
using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST_F(ContextTest, RanksMeetInAnyOrderAndAgainAfterShutdown) {
  for (uint32_t seed = 0; seed < 3; ++seed) {
    std::vector<Session> sessions = MeetAll(seed);
    for (const absl::Status& status :
         OfAll(sessions, [](DistSession& session) -> absl::Status {
           const auto group =
               session.AllGather(session.context().worker_name(), kPatience);
           const auto all = session.GlobalAllGather("", kPatience);
           if (!group.ok()) return group.status();
           if (session.context().is_server()) {
             EXPECT_THAT(
                 *group,
                 ElementsAre(Pair("_default_server_0", "_default_server_0"),
                             Pair("_default_server_1", "_default_server_1")));
           } else {
             EXPECT_THAT(*group, ElementsAre(Pair("_default_client_0", _),
                                             Pair("_default_client_1", _),
                                             Pair("_default_client_2", _)));
           }
           if (!all.ok()) return all.status();
           EXPECT_EQ(all->size(), 5u);
           return absl::OkStatus();
         })) {
      EXPECT_THAT(status, IsOk());
    }
    EXPECT_EQ(sessions[0]->Peers().size(), 5u);
    EXPECT_EQ(sessions[0]->registry(), registry_->address());  // GL-121
    EXPECT_FALSE(sessions[3]->is_shut_down());                 // GL-120
    EXPECT_THAT(sessions[4]->WorkerNames()[DistRole::kServer],
                ElementsAre("_default_server_0", "_default_server_1"));
    EXPECT_THAT(sessions[4]->FindPeer(DistRole::kServer, 2),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2")));
    for (const absl::Status& status : OfAll(sessions, End)) {
      EXPECT_THAT(status, IsOk());
    }
    EXPECT_TRUE(sessions[3]->is_shut_down());
    EXPECT_THAT(sessions[3]->Barrier(kPatience),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("was shut down")));
    EXPECT_THAT(sessions[3]->Shutdown(kPatience), IsOk());
  }
}

// GL-123, GL-124.
TEST_F(ContextTest, BarrierEndsWithTheLastOfThemOrNamesWhoIsMissing) {
  std::vector<Session> sessions = MeetAll(5);
  std::atomic<int> came = 0;
  OfAll(sessions, [&came](DistSession& session) {
    ++came;
    EXPECT_THAT(session.GlobalBarrier(kPatience), IsOk());
    EXPECT_EQ(came, 5);
    return absl::OkStatus();
  });
  EXPECT_THAT(sessions[2]->Barrier(absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("1, 2")));
}

TEST_F(ContextTest, WorkerThatGivesUpAndComesBackIsWaitedFor) {
  const auto join = [this](uint32_t rank, absl::Duration timeout) {
    return std::async(std::launch::async, [=, this] {
      return InitWorkerGroup(
          {.world_size = 3, .rank = rank, .job = Job(timeout)});
    });
  };
  Joining first = join(0, kPatience);
  ExpectGivesUp(
      [&join](absl::Duration timeout) {
        return join(1, timeout).get().status();
      },
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               AllOf(HasSubstr("group job/init"), HasSubstr("2"))));
  Joining second = join(1, kPatience);
  Joining third = join(2, kPatience);
  std::vector<Session> sessions;
  for (Joining* each : {&first, &second, &third}) {
    absl::StatusOr<Session> session = each->get();
    ASSERT_THAT(session, IsOk());
    sessions.push_back(*std::move(session));
  }
  EXPECT_THAT(sessions[1]->FindPeer("_default_worker_2"), IsOk());
  EXPECT_THAT(sessions[1]->FindPeer("who"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("_default_worker_0, _default_worker_1")));
  EXPECT_THAT(sessions[0]->WaitForExit(absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is for a server")));
  EXPECT_THAT(DistRpc(sessions[0].get())
                  .RpcGlobalRequest<StringValue>(DistRole::kServer, 0, "echo",
                                                 StringValue(), absl::Now()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a worker cannot call a server")));
}

TEST_F(ContextTest, OtherSizeIsToldAtOnceWithBoth) {
  std::promise<absl::Status> told;
  const auto join = [this, &told](uint32_t world_size, uint32_t rank) {
    return std::async(std::launch::async, [=, this, &told] {
      auto session = InitWorkerGroup(
          {.world_size = world_size, .rank = rank, .job = Job()});
      if (!session.ok()) told.set_value(session.status());
      return session.ok();
    });
  };
  std::future<bool> two = join(2, 0);
  std::future<bool> three = join(3, 1);
  const std::string text(told.get_future().get().message());
  const bool is_two = text.find("world_size is 2 at rank 0") != text.npos;
  EXPECT_THAT(text, HasSubstr(is_two ? "3 at rank 1" : "2 at rank 0"));
  // The other waits, and must not do so for nothing.
  std::vector<std::future<bool>> rest;
  if (is_two) {
    rest.push_back(join(3, 0));
    rest.push_back(join(3, 2));
  } else {
    rest.push_back(join(2, 1));
  }
  for (std::future<bool>& each : rest) EXPECT_TRUE(each.get());
  EXPECT_EQ(two.get(), !is_two);
  EXPECT_EQ(three.get(), is_two);
}

TEST_F(ContextTest, WhoIsMissingIsNamedInTime) {
  ExpectGivesUp(
      [this](absl::Duration timeout) {
        return InitClient({.num_servers = 2,
                           .num_clients = 1,
                           .client_rank = 0,
                           .job = Job(timeout)})
            .status();
      },
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               AllOf(HasSubstr("job/init"), HasSubstr("0, 1"))));
  ExpectGivesUp(
      [this](absl::Duration timeout) {
        return InitClient(
                   {.num_servers = 2, .is_dynamic = true, .job = Job(timeout)})
            .status();
      },
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               AllOf(HasSubstr("servers"), HasSubstr("0, 1"))));
}

TEST_F(ContextTest, TwinIsToldAtOnceWithBothNames) {
  std::vector<Session> sessions = MeetAll(7);
  EXPECT_THAT(
      InitClient(
          {.num_servers = 2, .num_clients = 3, .client_rank = 1, .job = Job()}),
      StatusIs(absl::StatusCode::kAlreadyExists,
               AllOf(HasSubstr("client rank 1 is taken by job/client/"),
                     HasSubstr("asks for it too"))));
}

TEST_F(ContextTest, OtherCountsAreToldWithBoth) {
  Joining server = Server({.num_servers = 1, .num_clients = 2, .job = Job()});
  Joining client = Client({.num_servers = 1, .num_clients = 2, .job = Job()});
  // The same sum, so that only what they say can tell.
  Joining other = Server({.num_servers = 3, .server_rank = 2, .job = Job()});
  for (Joining* each : {&server, &client, &other}) {
    EXPECT_THAT(each->get(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                      AllOf(HasSubstr("num_servers is "),
                                            HasSubstr("1"), HasSubstr("3"))));
  }
}

// Somebody to call, who says what he is told.
absl::StatusOr<std::unique_ptr<CalleeServer>> StartEcho() {
  FAIRLEAD_ASSIGN_OR_RETURN(auto callees, CalleeServer::Start({}));
  FAIRLEAD_RETURN_IF_ERROR((callees->Register<StringValue, StringValue>(
      "echo", [](const StringValue& said) -> absl::StatusOr<StringValue> {
        return said;
      })));
  return callees;
}

// GL-133: workers call workers, servers and clients each other and their like.
TEST_F(ContextTest, RolesCallThoseOfTheirKindOfJob) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto callees, StartEcho());
  JobOptions job = Job();
  job.rpc_address = callees->address();
  Joining joining = Server({.num_clients = 1, .job = job});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Session client, InitClient({.job = job}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Session server, joining.get());
  job.name = "of-workers";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Session worker,
                                InitWorkerGroup({.job = job}));
  for (const Session* caller : {&worker, &server, &client}) {
    for (const DistRole target :
         {DistRole::kWorker, DistRole::kServer, DistRole::kClient}) {
      const DistContext& context = (*caller)->context();
      SCOPED_TRACE(context.worker_name());
      SCOPED_TRACE(static_cast<int>(target));
      const absl::Status status =
          DistRpc(caller->get())
              .RpcGlobalRequest<StringValue>(target, 0, "echo", StringValue(),
                                             absl::Now() + kPatience)
              .status();
      if (context.is_worker() == (target == DistRole::kWorker)) {
        EXPECT_THAT(status, IsOk());
      } else {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("cannot call a")));
      }
    }
  }
}

TEST_F(ContextTest, ProcessesCallEachOtherByRoleAndRank) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto callees, StartEcho());
  JobOptions with_callees = Job();
  with_callees.rpc_address = callees->address();
  Joining joining = Server({.num_clients = 1, .job = with_callees});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Session client,
                                InitClient({.job = Job()}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Session server, joining.get());
  StringValue said;
  said.set_value("hello");
  const absl::Time deadline = absl::Now() + kPatience;
  DistRpc rpc(client.get());
  const auto heard = rpc.RpcGlobalRequest<StringValue>(DistRole::kServer, 0,
                                                       "echo", said, deadline);
  ASSERT_THAT(heard, IsOk());
  EXPECT_EQ(heard->value(), "hello");
  EXPECT_THAT(rpc.RpcGlobalRequest<StringValue>(DistRole::kWorker, 0, "echo",
                                                said, deadline),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a client cannot call a worker")));
  EXPECT_THAT(
      rpc.RpcGlobalRequest<StringValue>(DistRole::kServer, 1, "echo", said,
                                        deadline),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no server 1")));
  EXPECT_THAT(DistRpc(server.get())
                  .RpcGlobalRequest<StringValue>(DistRole::kClient, 0, "echo",
                                                 said, deadline),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("_default_client_0: cannot be called")));
  EXPECT_THAT(
      rpc.RpcRequest<StringValue>("_default_client_7", "echo", said, deadline),
      StatusIs(absl::StatusCode::kNotFound,
               HasSubstr("there are _default_client_0")));
}

}  // namespace
}  // namespace fairlead
