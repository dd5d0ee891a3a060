#include "libs/security/certificate.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/security/identity.h"
#include "libs/security/test_authority.h"
#include "libs/status/status_matchers.h"

namespace fairlead::security {
namespace {

using ::fairlead::testing::KeyPair;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestAuthority;
using ::testing::HasSubstr;

TEST(ReadOwnCertificate, SaysWhoseItIsAndForHowLong) {
  const TestAuthority authority;
  const KeyPair pair =
      authority.Issue("DNS:host,URI:fairlead://role/trainer/a");
  const absl::Time now = absl::Now();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const OwnCertificate own,
      ReadOwnCertificate(pair.certificate, pair.key, now));
  EXPECT_EQ(own.identity, (Identity{.role = Role::kTrainer, .job = "a"}));
  EXPECT_GT(own.not_after, now + absl::Hours(23));
  EXPECT_LT(own.not_after, now + absl::Hours(25));
}

TEST(ReadOwnCertificate, SaysWhatIsWrong) {
  const TestAuthority authority;
  const absl::Time now = absl::Now();
  const KeyPair good = authority.Issue("URI:fairlead://role/pool");
  const KeyPair other = authority.Issue("URI:fairlead://role/pool");
  const auto invalid = [](absl::string_view text) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    HasSubstr(std::string(text)));
  };
  EXPECT_THAT(ReadOwnCertificate("", good.key, now), invalid("--tls_cert"));
  EXPECT_THAT(
      ReadOwnCertificate(good.certificate.substr(0, 200), good.key, now),
      invalid("--tls_cert"));
  EXPECT_THAT(ReadOwnCertificate(good.certificate, "", now),
              invalid("--tls_key"));
  EXPECT_THAT(ReadOwnCertificate(good.certificate, other.key, now),
              invalid("is not the key of"));
  const KeyPair nobody = authority.Issue("DNS:host");
  EXPECT_THAT(ReadOwnCertificate(nobody.certificate, nobody.key, now),
              invalid("subject alternative names"));
  const KeyPair expired =
      authority.Issue("URI:fairlead://role/pool", now - absl::Minutes(1));
  EXPECT_THAT(
      ReadOwnCertificate(expired.certificate, expired.key, now),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is valid")));
  EXPECT_THAT(
      ReadOwnCertificate(good.certificate, good.key, now - absl::Hours(2)),
      StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace fairlead::security
