// What people get wrong when they start a program: one clear line and exit code
// 1, never a crash.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/fails_saying.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::FailsSaying;
using ::fairlead::testing::MakeLibrary;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// A loopback port that is taken for this object's life. Nothing listens: who
// connects is refused.
class TakenPort {
 public:
  TakenPort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(name);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&name), length), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &length),
              0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(name.sin_port));
  }
  ~TakenPort() { close(socket_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;

  const std::string& address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

TEST(BadInput, NoDatasetAtAllSaysHowToMakeOne) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunProgram("services/sampler_pool",
                 {absl::StrCat("--shm_dir=", NewFolder())}));
  EXPECT_THAT(outcome, FailsSaying(AllOf(HasSubstr("--dataset"),
                                         HasSubstr("//tools/dataset"))));
}

TEST(BadInput, PortInUseNamesTheAddress) {
  const TakenPort taken;
  const std::string store = absl::StrCat("--store=", NewFolder(), "/store.db");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome grpc_port,
      RunProgram("services/registry",
                 {store, absl::StrCat("--listen=", taken.address()),
                  "--metrics_listen=127.0.0.1:0"}));
  EXPECT_THAT(grpc_port, FailsSaying(AllOf(HasSubstr("registry: UNAVAILABLE"),
                                           HasSubstr(taken.address()))));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome metrics_port,
      RunProgram("services/registry",
                 {store, "--listen=127.0.0.1:0",
                  absl::StrCat("--metrics_listen=", taken.address())}));
  EXPECT_THAT(metrics_port,
              FailsSaying(AllOf(HasSubstr("registry: UNAVAILABLE"),
                                HasSubstr(taken.address()))));
}

TEST(BadInput, UnreachableRegistryIsNamed) {
  const TakenPort nobody;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  const std::vector<std::string> flags = {
      absl::StrCat("--registry=", nobody.address()), "--connect_timeout=50ms"};
  std::vector<std::string> service_flags = flags;
  for (const std::string& flag : {std::string("--listen=127.0.0.1:0"),
                                  std::string("--metrics_listen=127.0.0.1:0"),
                                  absl::StrCat("--shm_dir=", NewFolder())}) {
    service_flags.push_back(flag);
  }
  const auto says_so =
      FailsSaying(AllOf(HasSubstr("UNAVAILABLE"), HasSubstr(nobody.address())));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome gateway,
      RunProgram("services/channel_gateway", service_flags));
  EXPECT_THAT(gateway, says_so);
  service_flags.push_back(absl::StrCat("--dataset=", dataset));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome pool, RunProgram("services/sampler_pool", service_flags));
  EXPECT_THAT(pool, says_so);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome trainer,
                                RunProgram("tools/loadgen", flags));
  EXPECT_THAT(trainer, says_so);
}

TEST(BadInput, UnknownFlagsAndValuesAreNamed) {
  for (const char* flag : {"--no_such_flag=1", "--max_members=many"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                  RunProgram("services/registry", {flag}));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(absl::string_view(flag).substr(2, 8)));
  }
}

// Never the CPU in its place, and no crash. (Where there is a GPU, the registry
// is what is missing.)
TEST(BadInput, GpuThatIsNotThereIsSaidWithTheMend) {
  const TakenPort nobody;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  const auto run = [&](const char* flag) {
    return RunProgram(
        "services/sampler_pool",
        {absl::StrCat("--dataset=", dataset), flag, "--listen=127.0.0.1:0",
         "--metrics_listen=127.0.0.1:0",
         absl::StrCat("--registry=", nobody.address()),
         "--connect_timeout=50ms", absl::StrCat("--shm_dir=", NewFolder())});
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome unknown, run("--graph_mode=gpu"));
  EXPECT_THAT(unknown, FailsSaying(AllOf(HasSubstr("graph_mode: \"gpu\""),
                                         HasSubstr("cpu, zero_copy"))));
  for (const char* flag :
       {"--graph_mode=cuda", "--graph_mode=zero_copy", "--feature_with_gpu"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome, run(flag));
    EXPECT_THAT(
        outcome,
        FailsSaying(AnyOf(
            AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("--config=cuda")),
            AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("nvidia-smi")),
            HasSubstr(nobody.address()))));
  }
}

}  // namespace
}  // namespace fairlead
