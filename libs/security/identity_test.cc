#include "libs/security/identity.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::security {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

const std::vector<Identity> kAll = {
    {.role = Role::kRegistry},
    {.role = Role::kPool},
    {.role = Role::kGateway},
    {.role = Role::kOperator},
    {.role = Role::kTrainer, .job = "wordnet-7"}};

TEST(Identity, IsReadAsItIsWritten) {
  for (const Identity& identity : kAll) {
    EXPECT_THAT(ParseIdentity(ToString(identity)), IsOkAndHolds(identity));
    EXPECT_THAT(IdentityOfUris({"https://example.org", ToUri(identity)}),
                IsOkAndHolds(identity));
  }
  EXPECT_EQ(ToUri(kAll.back()), "fairlead://role/trainer/wordnet-7");
}

TEST(Identity, OtherWordsAreNone) {
  for (const char* text :
       {"", "nobody", "Pool", "pool/", "pool/a", "trainer", "trainer/",
        "trainer/a/b", "trainer/a b", "trainer/a\n", "registrypool",
        "trainer/"
        "a2345678901234567890123456789012345678901234567890123456789012345"}) {
    EXPECT_THAT(ParseIdentity(text),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(Identity, OfACertificateIsOneOfItsUris) {
  EXPECT_THAT(IdentityOfUris({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none")));
  EXPECT_THAT(
      IdentityOfUris({"spiffe://example.org/pool"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none of")));
  EXPECT_THAT(
      IdentityOfUris({"fairlead://role/pool", "fairlead://role/operator"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than one")));
  EXPECT_THAT(
      IdentityOfUris({"fairlead://role/emperor"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("emperor")));
}

}  // namespace
}  // namespace fairlead::security
