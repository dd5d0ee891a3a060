// What is refused, or the same, before there is a registry to ask.

#include "libs/dist_context/dist_session.h"

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(JobOptions, WaitAsLongAsTheOriginals) {  // C-02, 6.2
  EXPECT_EQ(JobOptions().timeout, absl::Seconds(180));
  EXPECT_EQ(WaitAndShutdownServerOptions().timeout, absl::Seconds(180));
  EXPECT_EQ(WaitAndShutdownServerOptions().exit_deadline,
            absl::InfiniteFuture());
}

TEST(JobOptions, NameIsRefusedWithWhatItMayBe) {
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string(33, 'a')}) {
    EXPECT_THAT(InitWorkerGroup({.job = {.name = name}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("job.name"), HasSubstr(name))));
  }
}

TEST(JobOptions, RegistryIsGivenOrTheEnvironments) {  // GL-086
  unsetenv("MASTER_ADDR");
  const auto refused = [](const char* why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(InitClient({.job = {.registry = ""}}), refused("$MASTER_ADDR"));
  EXPECT_THAT(InitServer({.job = {.registry = "there"}}), refused("host:port"));
  setenv("MASTER_ADDR", "127.0.0.1", /*overwrite=*/1);
  setenv("MASTER_PORT", "65535", /*overwrite=*/1);
  EXPECT_THAT(InitWorkerGroup({.job = {.registry = ""}}),
              refused("$MASTER_PORT=\"65535\""));
}

}  // namespace
}  // namespace fairlead
