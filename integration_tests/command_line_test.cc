// Every program of ours explains itself, and says what it is, without anything
// else being there.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/command_line/build_info.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::RunProgram;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class CommandLine : public ::testing::TestWithParam<const char*> {
 protected:
  // "registry" of "services/registry".
  static std::string Name() {
    const std::string target = GetParam();
    return target.substr(target.find_last_of("/:") + 1);
  }
};

TEST_P(CommandLine, HelpIsNoError) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome help,
                                RunProgram(GetParam(), {"--help"}));
  EXPECT_EQ(help.exit_code, 0) << help.err;
  EXPECT_THAT(help.out, HasSubstr("--version"));
  EXPECT_THAT(help.err, IsEmpty());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome all,
                                RunProgram(GetParam(), {"--helpfull"}));
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_GT(all.out.size(), help.out.size());
}

TEST_P(CommandLine, VersionNamesTheProgramAndWhatWasBuilt) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome version,
                                RunProgram(GetParam(), {"--version"}));
  EXPECT_EQ(version.exit_code, 0) << version.err;
  EXPECT_THAT(version.out,
              StartsWith(absl::StrCat(Name(), " ", kVersion, " (")));
}

TEST_P(CommandLine, FlagThatIsNotThereIsAnErrorThatNamesIt) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome wrong,
                                RunProgram(GetParam(), {"--no_such_flag=3"}));
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_THAT(wrong.err,
              AllOf(HasSubstr("no_such_flag"), Not(HasSubstr("Aborted"))));
}

INSTANTIATE_TEST_SUITE_P(
    Programs, CommandLine,
    ::testing::Values("services/registry", "services/sampler_pool",
                      "services/channel_gateway", "tools/dataset",
                      "tools/fairleadctl", "tools/loadgen", "tools/quickstart",
                      "tools/shm_fsck", "tools/examples/link_prediction",
                      "tools/examples/node_classification",
                      "libs/loader:example_trainer",
                      "integration_tests:build_cost",
                      "integration_tests/harness:job_member",
                      "integration_tests/harness:lossy_wire",
                      "integration_tests/harness:resuming_trainer"),
    [](const auto& tested) {
      const std::string target = tested.param;
      return target.substr(target.find_last_of("/:") + 1);
    });

}  // namespace
}  // namespace fairlead
