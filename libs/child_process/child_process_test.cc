#include "libs/child_process/child_process.h"

#include <signal.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kPlenty = absl::Seconds(60);

std::vector<std::string> Shell(const std::string& script) {
  return {"/bin/sh", "-c", script};
}

TEST(ChildProcessTest, GivesItsLinesAndItsExitCode) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      ChildProcess child,
      ChildProcess::Start(Shell("echo one; echo two; exit 3"), {}));
  EXPECT_THAT(child.ReadLine(kPlenty), IsOkAndHolds(std::optional("one")));
  EXPECT_THAT(child.ReadLine(kPlenty), IsOkAndHolds(std::optional("two")));
  EXPECT_THAT(child.ReadLine(kPlenty), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(child.Wait(kPlenty), IsOkAndHolds(3));
}

TEST(ChildProcessTest, SilentChildMissesTheDeadlineAndIsKilledAtTheEnd) {
  pid_t pid = 0;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        ChildProcess child, ChildProcess::Start(Shell("exec sleep 1000"), {}));
    pid = child.pid();
    EXPECT_THAT(child.ReadLine(absl::Milliseconds(1)),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
    EXPECT_THAT(child.Wait(absl::ZeroDuration()),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(ChildProcessTest, TerminateKillsAChildThatDoesNotListen) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      ChildProcess deaf,
      ChildProcess::Start(
          Shell("trap '' TERM; echo ready; while true; do sleep 1; done"), {}));
  EXPECT_THAT(deaf.ReadLine(kPlenty), IsOkAndHolds(std::optional("ready")));
  EXPECT_THAT(deaf.Terminate(absl::Milliseconds(10)),
              IsOkAndHolds(128 + SIGKILL));
}

TEST(ChildProcessTest, MissingProgramIsNamed) {
  EXPECT_THAT(
      ChildProcess::Start({"/no/such/program"}, {}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/program")));
}

TEST(RunToEndTest, GivesOutputAndErrorsApart) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome, RunToEnd(Shell("echo out; echo err >&2; exit 4"),
                                      kPlenty, ::testing::TempDir()));
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST(ServiceProcessTest, KnowsItsAddressesOnceItIsReady) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      ServiceProcess service,
      ServiceProcess::Start(
          Shell("echo hello; echo fairlead-ready service=x grpc=a:1 "
                "metrics=b:2; exec sleep 1000"),
          ::testing::TempDir() + "/ready.log", kPlenty));
  EXPECT_EQ(service.address(), "a:1");
  EXPECT_EQ(service.metrics_address(), "b:2");
  EXPECT_THAT(service.process().Terminate(kPlenty),
              IsOkAndHolds(128 + SIGTERM));
}

TEST(ServiceProcessTest, OneThatEndsEarlySaysWhy) {
  EXPECT_THAT(
      ServiceProcess::Start(Shell("echo no dataset >&2; exit 1"),
                            ::testing::TempDir() + "/early.log", kPlenty),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("/bin/sh"), HasSubstr("no dataset"))));
}

}  // namespace
}  // namespace fairlead
