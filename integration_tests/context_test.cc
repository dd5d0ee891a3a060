// The processes of a job meet at a real registry, work and part: in any order,
// with what does not fit, and with some that die.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/service_process.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_session.h"
#include "libs/dist_rpc/callee_server.h"
#include "libs/dist_rpc/dist_rpc.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Program;
using ::fairlead::testing::StatusIs;
using ::testing::_;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using Session = std::unique_ptr<DistSession>;
using Joining = std::future<absl::StatusOr<Session>>;

class ContextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = NewFolder();
    auto registry = ServiceProcess::Start(
        {Program("services/registry"), "--listen=127.0.0.1:0",
         "--metrics_listen=127.0.0.1:0", "--store=" + folder + "/registry.db"},
        folder + "/registry.log", kPatience);
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
  }

  JobOptions Job(absl::Duration timeout = kPatience) const {
    return {.registry = registry_->address(),
            .name = "job",
            .timeout = timeout,
            .lease = kPatience};
  }

  Joining Server(InitServerOptions options) const {
    return std::async(std::launch::async,
                      [options] { return InitServer(options); });
  }
  Joining Client(InitClientOptions options) const {
    return std::async(std::launch::async,
                      [options] { return InitClient(options); });
  }

  // Two servers and three clients, begun in an order that `seed` says.
  std::vector<Session> MeetAll(uint32_t seed) const {
    std::vector<int> order = {0, 1, 2, 3, 4};
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    std::map<int, Joining> joining;
    for (const int global_rank : order) {
      const auto rank = static_cast<uint32_t>(global_rank);
      joining[global_rank] = rank < 2 ? Server({.num_servers = 2,
                                                .server_rank = rank,
                                                .num_clients = 3,
                                                .job = Job()})
                                      : Client({.num_servers = 2,
                                                .num_clients = 3,
                                                .client_rank = rank - 2,
                                                .job = Job()});
    }
    std::vector<Session> sessions;
    for (auto& [rank, session] : joining) {
      absl::StatusOr<Session> joined = session.get();
      EXPECT_THAT(joined, IsOk()) << "seed " << seed << ", rank " << rank;
      sessions.push_back(joined.ok() ? *std::move(joined) : nullptr);
    }
    return sessions;
  }

  // Of every session at once.
  static std::vector<absl::Status> OfAll(
      std::vector<Session>& sessions,
      const std::function<absl::Status(DistSession&)>& call) {
    std::vector<std::future<absl::Status>> calls;
    for (Session& session : sessions) {
      calls.push_back(std::async(std::launch::async,
                                 [&call, &session] { return call(*session); }));
    }
    std::vector<absl::Status> statuses;
    for (auto& status : calls) statuses.push_back(status.get());
    return statuses;
  }

  // Has `join` give up, as `expected` says, after so little time that it only
  // just gets as far as waiting for others: how much that is, is the machine's
  // affair.
  template <typename Join, typename Matcher>
  static void ExpectGivesUp(Join join, const Matcher& expected) {
    absl::Duration timeout = absl::Milliseconds(100);
    absl::Status status = join(timeout);
    while (!::testing::Value(status, expected) && timeout < kPatience) {
      status = join(timeout *= 2);
    }
    EXPECT_THAT(status, expected);
  }

  static absl::Status End(DistSession& session) {
    return session.context().is_client()
               ? ShutdownClient(session, kPatience)
               : WaitAndShutdownServer(session, {.timeout = kPatience});
  }

  std::optional<ServiceProcess> registry_;
};

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
    EXPECT_THAT(sessions[4]->WorkerNames()[DistRole::kServer],
                ElementsAre("_default_server_0", "_default_server_1"));
    EXPECT_THAT(sessions[4]->FindPeer(DistRole::kServer, 2),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2")));
    for (const absl::Status& status : OfAll(sessions, End)) {
      EXPECT_THAT(status, IsOk());
    }
    EXPECT_THAT(sessions[3]->Barrier(kPatience),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("was shut down")));
    EXPECT_THAT(sessions[3]->Shutdown(kPatience), IsOk());
  }
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

TEST_F(ContextTest, DeadClientsHoldUpNeitherTheOthersNorTheServers) {
  std::vector<Session> sessions = MeetAll(11);
  sessions[2] = nullptr;  // client 0, of all, without a word
  // Once that is known, nobody waits for it.
  Session& client = sessions[3];
  ASSERT_TRUE(client->AwaitPeers(
      [](const std::vector<DistPeer>& peers) { return peers.size() == 4; },
      absl::Now() + kPatience));
  EXPECT_THAT(ShutdownClient(*client, absl::InfiniteDuration()),
              StatusIs(absl::StatusCode::kAborted,
                       HasSubstr("_default_client had left or died: 0")));
  EXPECT_THAT(
      WaitAndShutdownServer(*sessions[0], {.exit_deadline = absl::Now()}),
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               HasSubstr("still there: _default_client_2")));
  EXPECT_THAT(ShutdownClient(*sessions[4], absl::Milliseconds(100)),
              AnyOf(StatusIs(absl::StatusCode::kAborted),
                    StatusIs(absl::StatusCode::kDeadlineExceeded)));
  sessions.resize(2);
  for (const absl::Status& status : OfAll(sessions, End)) {
    EXPECT_THAT(status, IsOk());
  }
}

TEST_F(ContextTest, FaultyServerKeepsNoOtherWaiting) {
  std::vector<Session> sessions = MeetAll(13);
  sessions.resize(2);  // the clients leave
  const std::vector<absl::Status> statuses =
      OfAll(sessions, [](DistSession& session) {
        const bool is_faulty = session.context().rank == 0;
        return WaitAndShutdownServer(
            session, {.timeout = kPatience, .shut_down = [is_faulty] {
                        return is_faulty ? absl::DataLossError("no luck")
                                         : absl::OkStatus();
                      }});
      });
  EXPECT_THAT(statuses[0],
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no luck")));
  EXPECT_THAT(statuses[1], IsOk());
}

TEST_F(ContextTest, ExitIsNoticedByAllWhoWait) {
  auto server = Server({.is_dynamic = true, .job = Job()}).get();
  ASSERT_THAT(server, IsOk());
  const auto wait = [&server] {
    return (*server)->WaitForExit(absl::InfiniteFuture());
  };
  auto one = std::async(std::launch::async, wait);
  auto two = std::async(std::launch::async, wait);
  (*server)->Exit();
  (*server)->Exit();
  EXPECT_THAT(one.get(), IsOk());
  EXPECT_THAT(two.get(), IsOk());
  EXPECT_THAT(ShutdownClient(**server, kPatience),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is for a client")));
}

TEST_F(ContextTest, DynamicClientsComeAndGoWithoutARestart) {
  auto server = Server({.is_dynamic = true, .job = Job()}).get();
  ASSERT_THAT(server, IsOk());
  for (uint32_t rank = 0; rank < 3; ++rank) {
    const InitClientOptions options = {
        .client_rank = rank, .is_dynamic = true, .job = Job()};
    const auto client = InitClient(options);
    ASSERT_THAT(client, IsOk());
    EXPECT_THAT((*client)->FindPeer(DistRole::kServer, 0), IsOk());
    EXPECT_THAT(InitClient(options),
                StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_THAT(
        (*client)->Barrier(kPatience),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("dynamic")));
    EXPECT_THAT(ShutdownClient(**client, kPatience), IsOk());
  }
}

TEST_F(ContextTest, ProcessesCallEachOtherByRoleAndRank) {
  using ::google::protobuf::StringValue;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto callees, CalleeServer::Start({}));
  ASSERT_THAT((callees->Register<StringValue, StringValue>(
                  "echo",
                  [](const StringValue& said) -> absl::StatusOr<StringValue> {
                    return said;
                  })),
              IsOk());
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
