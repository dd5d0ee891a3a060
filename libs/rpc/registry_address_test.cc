#include "libs/rpc/registry_address.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// What of the environment a test sets goes with it.
class RegistryAddressTest : public ::testing::Test {
 protected:
  void SetUp() override { Set(nullptr, nullptr); }
  void TearDown() override { Set(nullptr, nullptr); }

  static void Set(const char* host, const char* port) {
    SetOne("MASTER_ADDR", host);
    SetOne("MASTER_PORT", port);
  }

 private:
  static void SetOne(const char* name, const char* value) {
    if (value == nullptr) {
      unsetenv(name);
    } else {
      setenv(name, value, /*overwrite=*/1);
    }
  }
};

TEST_F(RegistryAddressTest, IsWhatIsGivenWhateverTheEnvironmentSays) {
  Set("10.0.0.9", "29500");
  EXPECT_THAT(RegistryAddress("10.0.0.1:7100"), IsOkAndHolds("10.0.0.1:7100"));
  EXPECT_THAT(RegistryAddress("10.0.0.1:1,10.0.0.2:1"),
              IsOkAndHolds("10.0.0.1:1,10.0.0.2:1"));
  EXPECT_THAT(RegistryAddress("localhost"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("localhost"), HasSubstr("host:port"))));
}

TEST_F(RegistryAddressTest, IsThePortAfterTheMastersIfNothingIsGiven) {
  Set("10.0.0.9", "29500");
  EXPECT_THAT(RegistryAddress(""), IsOkAndHolds("10.0.0.9:29501"));
  Set("trainer-0.jobs", "65534");
  EXPECT_THAT(RegistryAddress(""), IsOkAndHolds("trainer-0.jobs:65535"));
  Set("::1", "7099");
  EXPECT_THAT(RegistryAddress(""), IsOkAndHolds("[::1]:7100"));
}

TEST_F(RegistryAddressTest, IsAnErrorIfNobodySaysIt) {
  const auto lacks = [](const char* name) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    AllOf(HasSubstr(name), HasSubstr("give host:port")));
  };
  EXPECT_THAT(RegistryAddress(""), lacks("so is $MASTER_ADDR"));
  Set("10.0.0.9", nullptr);
  EXPECT_THAT(RegistryAddress(""), lacks("so is $MASTER_PORT"));
  Set("", "29500");
  EXPECT_THAT(RegistryAddress(""), lacks("so is $MASTER_ADDR"));
}

TEST_F(RegistryAddressTest, PortWithNoneAfterItIsNamed) {
  for (const char* port : {"x", "-1", "0", "65535", "29500 1"}) {
    Set("10.0.0.9", port);
    EXPECT_THAT(RegistryAddress(""),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(port), HasSubstr("1 to 65534"))));
  }
}

}  // namespace
}  // namespace fairlead::rpc
