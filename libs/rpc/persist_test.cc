#include "libs/rpc/persist.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;

TEST(PersistTest, TriesAgainUntilTheCallSucceeds) {
  int calls = 0;
  const absl::StatusOr<int> result =
      Persist(absl::InfiniteFuture(), [&]() -> absl::StatusOr<int> {
        if (++calls == 1) return absl::UnavailableError("starting");
        if (calls == 2) return absl::DeadlineExceededError("slow");
        return calls;
      });
  EXPECT_THAT(result, IsOkAndHolds(3));
}

TEST(PersistTest, WhatIsNotTransientIsTheAnswer) {
  int calls = 0;
  EXPECT_THAT(Persist(absl::InfiniteFuture(),
                      [&] {
                        ++calls;
                        return absl::NotFoundError("no such channel");
                      }),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(calls, 1);
}

TEST(PersistTest, BeginsNoTryAfterTheDeadline) {
  int calls = 0;
  EXPECT_THAT(Persist(absl::Now(),
                      [&] {
                        ++calls;
                        return absl::UnavailableError("away");
                      }),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(calls, 1);
}

TEST(PersistTest, TheCallerSaysWhatIsWorthAnotherTry) {
  int calls = 0;
  EXPECT_THAT(Persist(
                  absl::InfiniteFuture(),
                  [&] {
                    return ++calls == 1 ? absl::NotFoundError("not yet")
                                        : absl::UnavailableError("away");
                  },
                  absl::IsNotFound),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace fairlead::rpc
