// The processes of a job part: told to, by themselves, or dead.

#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/context_fixture.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_session.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::ContextTest;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::Session;
using ::fairlead::testing::StatusIs;
using ::testing::AnyOf;
using ::testing::HasSubstr;

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

// One that goes before it has sent anything took part in no round.
TEST_F(ContextTest, WhoWaitsForOneThatGoesIsToldAtOnce) {
  std::vector<Session> sessions = MeetAll(17);
  const auto told = StatusIs(absl::StatusCode::kAborted,
                             HasSubstr("left or died: _default_client_0"));
  auto of_all = std::async(std::launch::async, [&sessions] {
    return sessions[0]->GlobalBarrier(absl::InfiniteDuration());
  });
  auto of_group = std::async(std::launch::async, [&sessions] {
    return sessions[3]->Barrier(absl::InfiniteDuration());
  });
  sessions[2] = nullptr;
  EXPECT_THAT(of_all.get(), told);
  EXPECT_THAT(of_group.get(), told);
  // Those whom nobody has left go on.
  auto other = std::async(std::launch::async, [&sessions] {
    return sessions[1]->Barrier(kPatience);
  });
  EXPECT_THAT(sessions[0]->Barrier(kPatience), IsOk());
  EXPECT_THAT(other.get(), IsOk());
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

}  // namespace
}  // namespace fairlead
