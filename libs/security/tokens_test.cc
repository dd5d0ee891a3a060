#include "libs/security/tokens.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/clock/fake_clock.h"
#include "libs/security/identity.h"
#include "libs/status/status_matchers.h"

namespace fairlead::security {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kRefresh = absl::Seconds(10);
constexpr char kTokenA[] = "0123456789abcdef-of-a";
constexpr char kTokenB[] = "0123456789abcdef-of-b";
const Identity kJobA = {.role = Role::kTrainer, .job = "a"};
const Identity kJobB = {.role = Role::kTrainer, .job = "b"};

class TokensTest : public ::testing::Test {
 protected:
  void Write(const std::string& contents) const {
    std::ofstream(path_) << contents;
  }

  const std::string path_ = ::testing::TempDir() + "/tokens";
  FakeClock clock_;
};

TEST_F(TokensTest, NameTheirJobs) {
  Write(absl::StrCat("# who may come\n\n", kTokenA, " trainer/a\r\n", kTokenB,
                     "\t trainer/b"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto tokens,
                                Tokens::Open(path_, kRefresh, clock_));
  EXPECT_EQ(tokens->Find(kTokenA), kJobA);
  EXPECT_EQ(tokens->Find(kTokenB), kJobB);
  for (const char* other : {"", "0123456789abcdef", "#"}) {
    EXPECT_EQ(tokens->Find(other), Identity()) << other;
  }
}

TEST_F(TokensTest, AreReadAgainWhenTheFileIsAnother) {
  Write(absl::StrCat(kTokenA, " trainer/a\n"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto tokens,
                                Tokens::Open(path_, kRefresh, clock_));
  EXPECT_EQ(tokens->Find(kTokenA), kJobA);
  Write(absl::StrCat(kTokenB, " trainer/b\n"));
  EXPECT_EQ(tokens->Find(kTokenA), kJobA);  // not looked at yet
  clock_.Advance(kRefresh);
  EXPECT_EQ(tokens->Find(kTokenA), Identity());
  EXPECT_EQ(tokens->Find(kTokenB), kJobB);
}

TEST_F(TokensTest, StayAsTheyAreWhileTheFileIsNoList) {
  Write(absl::StrCat(kTokenA, " trainer/a\n"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto tokens,
                                Tokens::Open(path_, kRefresh, clock_));
  Write("half a li");
  clock_.Advance(kRefresh);
  EXPECT_EQ(tokens->Find(kTokenA), kJobA);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  clock_.Advance(kRefresh);
  EXPECT_EQ(tokens->Find(kTokenA), kJobA);
}

TEST_F(TokensTest, BadLinesAreNamedAndTokensAreNot) {
  for (const std::string& bad :
       {std::string("0123456789abcdef"),
        std::string("0123456789abcdef trainer/a x"),
        std::string("0123456789abcde trainer/a"),
        std::string("0123456789abcdef operator"),
        std::string("0123456789abcdef trainer"),
        std::string("x\n0123456789abcdef trainer/a")}) {
    EXPECT_THAT(
        ParseTokens("\n" + bad),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("line 2:"), Not(HasSubstr("0123456789")))))
        << bad;
  }
  EXPECT_THAT(
      ParseTokens(absl::StrCat(kTokenA, " trainer/a\n", kTokenA, " trainer/b")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2:")));
  Write("x");
  EXPECT_THAT(
      Tokens::Open(path_, kRefresh, clock_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tokens=")));
  EXPECT_THAT(Tokens::Open(path_ + "-no", kRefresh, clock_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
}

TEST_F(TokensTest, OfAClientIsOneAndIsReadAgain) {
  Write(absl::StrCat(kTokenA, "\n"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto token,
                                OwnToken::Open(path_, kRefresh, clock_));
  EXPECT_EQ(token->Get(), kTokenA);
  Write(kTokenB);
  clock_.Advance(kRefresh);
  EXPECT_EQ(token->Get(), kTokenB);
  Write("");
  clock_.Advance(kRefresh);
  EXPECT_EQ(token->Get(), kTokenB);
  EXPECT_THAT(
      OwnToken::Open(path_, kRefresh, clock_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--token_file=")));
}

}  // namespace
}  // namespace fairlead::security
