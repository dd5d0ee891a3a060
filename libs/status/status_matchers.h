#ifndef FAIRLEAD_LIBS_STATUS_STATUS_MATCHERS_H_
#define FAIRLEAD_LIBS_STATUS_STATUS_MATCHERS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Matchers for absl::Status and absl::StatusOr<T>.
//
//   EXPECT_THAT(Run(), IsOk());
//   EXPECT_THAT(Parse("7"), IsOkAndHolds(7));
//   EXPECT_THAT(Parse("x"), StatusIs(absl::StatusCode::kInvalidArgument,
//                                    HasSubstr("\"x\"")));
namespace fairlead::testing {

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& statusor) {
  return statusor.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P2(StatusIs, code, message_matcher, "") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::Matches(message_matcher)(
             std::string(GetStatus(arg).message()));
}

MATCHER_P(StatusIs, code, "") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

MATCHER_P(IsOkAndHolds, value_matcher, "") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

}  // namespace fairlead::testing

// The value of an OK expression; ends the test function otherwise.
#define FAIRLEAD_ASSERT_OK_AND_ASSIGN(lhs, expr) \
  FAIRLEAD_ASSERT_OK_AND_ASSIGN_IMPL(            \
      FAIRLEAD_MATCHER_CONCAT(fairlead_statusor_, __LINE__), lhs, expr)
#define FAIRLEAD_ASSERT_OK_AND_ASSIGN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                                       \
  ASSERT_THAT(statusor, ::fairlead::testing::IsOk());           \
  lhs = *std::move(statusor)
#define FAIRLEAD_MATCHER_CONCAT(a, b) FAIRLEAD_MATCHER_CONCAT_IMPL(a, b)
#define FAIRLEAD_MATCHER_CONCAT_IMPL(a, b) a##b

#endif  // FAIRLEAD_LIBS_STATUS_STATUS_MATCHERS_H_
