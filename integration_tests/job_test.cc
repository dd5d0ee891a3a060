// The processes of a job as processes: where they find the registry, what those
// must have alike who load together, and one that dies.

#include <signal.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/mp_workers.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;

using Words = std::vector<std::string>;

// What a process is told of the master by the environment.
const Words kNoMaster = {"-u", "MASTER_ADDR", "-u", "MASTER_PORT"};

// One at whose next port nobody is.
const Words kWrongMaster = {"MASTER_ADDR=127.0.0.1", "MASTER_PORT=1"};

// One whose registry is at `address`.
Words MasterOf(const std::string& address) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(address, absl::MaxSplits(':', 1));
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(parts.second, &port)) << address;
  return {absl::StrCat("MASTER_ADDR=", parts.first),
          absl::StrCat("MASTER_PORT=", port - 1)};
}

// A graph of 614 training nodes in two partitions, and a cluster that serves
// it.
class JobTest : public MpTest {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string whole, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(parts_, Partition(whole, 2));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start({.dataset = parts_, .partitions = 2}));
  }

  const std::string& registry() { return cluster_->registry().address(); }

  // The command of a member, in an environment.
  static Words Command(const Words& environment, const Words& flags) {
    Words command = {"/usr/bin/env"};
    command.insert(command.end(), environment.begin(), environment.end());
    command.push_back(Program("integration_tests/harness:job_member"));
    command.insert(command.end(), flags.begin(), flags.end());
    return command;
  }

  struct Member {
    ChildProcess process;
    std::string err;

    // What it says next.
    std::optional<std::string> Line() {
      auto line = process.ReadLine(kPatience);
      EXPECT_THAT(line, IsOk());
      return line.value_or(std::nullopt);
    }
    // How it ended, if it does not end well.
    std::string Error() {
      const auto exit_code = process.Wait(kPatience);
      EXPECT_THAT(exit_code, IsOkAndHolds(1));
      std::ifstream in(err);
      return {std::istreambuf_iterator<char>(in), {}};
    }
    void ExpectEndsWell() {
      EXPECT_THAT(process.Wait(kPatience), IsOkAndHolds(0));
    }
  };

  static Member Start(const Words& environment, const Words& flags) {
    const std::string err = NewFolder() + "/err";
    auto process =
        ChildProcess::Start(Command(environment, flags), {.err = err});
    EXPECT_THAT(process, IsOk());
    return {.process = *std::move(process), .err = err};
  }

  // One of two workers with a partition each, which sample by themselves.
  Member StartLoading(const Words& environment, const std::string& registry,
                      int rank, int num_workers) {
    return Start(
        environment,
        {absl::StrCat("--registry=", registry), "--others=2",
         absl::StrCat("--rank=", rank), "--load=own", "--dataset=" + parts_,
         absl::StrCat("--partition=", rank),
         absl::StrCat("--num_workers=", num_workers), "--shm_dir=" + shm_dir_,
         "--sampler_pool=" + Program("services/sampler_pool")});
  }

  std::string parts_;
  std::unique_ptr<TestCluster> cluster_;
};

// GL-086, of the workers' session, and of the pools that they start and that
// ask the others for their partitions.
TEST_F(JobTest, WorkersFindTheRegistryByArgumentOrEnvironment) {
  Member told = StartLoading(kWrongMaster, registry(), 0, 1);
  Member finds = StartLoading(MasterOf(registry()), "", 1, 1);
  EXPECT_THAT(told.Line(), Optional(std::string("joined _default_worker_0")));
  EXPECT_THAT(finds.Line(), Optional(std::string("joined _default_worker_1")));
  for (Member* const member : {&told, &finds}) {
    EXPECT_THAT(member->Line(), Optional(HasSubstr("had ")));
    member->process.Signal(SIGTERM);
  }
  told.ExpectEndsWell();
  finds.ExpectEndsWell();
}

// GL-086, of servers and clients, a client's loader and its questions.
TEST_F(JobTest, ServersAndClientsFindTheRegistryByArgumentOrEnvironment) {
  const auto both = [](const Words& servers, const std::string& to_server,
                       const Words& clients, const std::string& to_client) {
    Member server =
        Start(servers, {"--role=server", "--registry=" + to_server});
    Member client = Start(
        clients, {"--role=client", "--load=remote", "--registry=" + to_client});
    EXPECT_THAT(server.Line(),
                Optional(std::string("joined _default_server_0")));
    EXPECT_THAT(client.Line(),
                Optional(std::string("joined _default_client_0")));
    EXPECT_THAT(client.Line(), Optional(std::string("asked 2 servers")));
    EXPECT_THAT(client.Line(), Optional(HasSubstr("had ")));
    client.process.Signal(SIGTERM);
    client.ExpectEndsWell();
    server.ExpectEndsWell();
  };
  both(MasterOf(registry()), "", kWrongMaster, registry());
  both(kWrongMaster, registry(), MasterOf(registry()), "");
}

TEST_F(JobTest, WithoutEitherItIsAnErrorThatNamesBoth) {  // GL-086
  for (const Words& command :
       {Command(kNoMaster, {"--role=worker"}),
        Command(kNoMaster, {"--role=server"}),
        Command(kNoMaster, {"--role=client"}),
        Words{"/usr/bin/env", "-u", "MASTER_ADDR",
              Program("libs/loader:example_trainer"), ""}}) {
    SCOPED_TRACE(command.back());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                  RunToEnd(command, kPatience, NewFolder()));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("$MASTER_ADDR"), HasSubstr("give host:port")));
  }
}

// The README's trainer, which has no job.
TEST_F(JobTest, LoaderFindsTheRegistryByTheEnvironment) {  // GL-086
  Words command = {"/usr/bin/env"};
  for (const std::string& word : MasterOf(registry())) command.push_back(word);
  command.push_back(Program("libs/loader:example_trainer"));
  command.emplace_back("");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                RunToEnd(command, kPatience, NewFolder()));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("batch 0: "));
}

TEST_F(JobTest, OtherNumWorkersAreToldToAllWithBoth) {  // GL-083
  Member one = StartLoading(kNoMaster, registry(), 0, 1);
  Member two = StartLoading(kNoMaster, registry(), 1, 2);
  EXPECT_THAT(one.Error(), HasSubstr("FAILED_PRECONDITION: num_workers: is 1 "
                                     "at _default_worker_0 and 2 at "
                                     "_default_worker_1"));
  EXPECT_THAT(two.Error(), HasSubstr("FAILED_PRECONDITION: num_workers: is 2 "
                                     "at _default_worker_1 and 1 at "
                                     "_default_worker_0"));
}

TEST_F(JobTest, EachRoleHasItsKindOfWorkers) {  // GL-050
  Member worker = Start(kNoMaster, {"--registry=" + registry(), "--role=worker",
                                    "--load=remote"});
  EXPECT_THAT(worker.Error(),
              AllOf(HasSubstr("FAILED_PRECONDITION: worker_options: remote"),
                    HasSubstr("_default_worker_0 of job job is a worker")));
  Member server =
      Start(kNoMaster, {"--registry=" + registry(), "--role=server"});
  Member client = Start(kNoMaster, {"--registry=" + registry(), "--role=client",
                                    "--load=own", "--dataset=" + parts_});
  EXPECT_THAT(client.Error(),
              AllOf(HasSubstr("FAILED_PRECONDITION: worker_options: workers of "
                              "its own are for a worker"),
                    HasSubstr("_default_client_0 of job job is a client")));
  server.ExpectEndsWell();
}

// GL-005: nobody says that it has gone; its lease does.
TEST_F(JobTest, KilledClientHoldsUpNeitherTheOtherNorTheServer) {
  const std::string to = "--registry=" + registry();
  Member server = Start(kNoMaster, {to, "--role=server", "--others=2"});
  Member killed = Start(
      kNoMaster, {to, "--role=client", "--others=2", "--rank=0", "--lease=2s"});
  Member other =
      Start(kNoMaster, {to, "--role=client", "--others=2", "--rank=1"});
  for (Member* const member : {&server, &killed, &other}) {
    EXPECT_THAT(member->Line(), Optional(HasSubstr("joined ")));
  }
  killed.process.Signal(SIGKILL);
  other.process.Signal(SIGTERM);
  EXPECT_THAT(other.Error(),
              AllOf(HasSubstr("ABORTED"), HasSubstr("_default_client_0")));
  server.ExpectEndsWell();
}

}  // namespace
}  // namespace fairlead::testing
