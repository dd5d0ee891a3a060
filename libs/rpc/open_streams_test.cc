#include "libs/rpc/open_streams.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::rpc {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OpenStreams, OfOneClientAreBoundedAndOthersAreNot) {
  OpenStreams streams(2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(OpenStreams::Place first,
                                streams.Open("trainer/a"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const OpenStreams::Place second,
                                streams.Open("trainer/a"));
  EXPECT_THAT(streams.Open("trainer/a"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("trainer/a"),
                             HasSubstr("--max_streams_per_client=2"))));
  EXPECT_THAT(streams.Open("trainer/b"), IsOk());
  first.reset();
  EXPECT_THAT(streams.Open("trainer/a"), IsOk());
}

}  // namespace
}  // namespace fairlead::rpc
