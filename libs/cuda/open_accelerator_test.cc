#include "libs/cuda/open_accelerator.h"

#include <memory>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/open_device.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(OpenAccelerator, IsNothingWhereTheCpuIsAskedFor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(RandomContents({.seed = 1})));
  EXPECT_THAT(CheckAccelerator(*dataset, {}), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto none, OpenAccelerator(*dataset, {}));
  EXPECT_EQ(none, nullptr);
}

TEST(OpenAccelerator, WithoutAGpuSaysWhatIsMissing) {  // GL-022, GL-023
  if (OpenDevice(0).ok()) GTEST_SKIP() << "there is a CUDA device";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(RandomContents({.seed = 1})));
  for (const DeviceOptions& options :
       {DeviceOptions{.graph_mode = "cuda"},
        DeviceOptions{.graph_mode = "zero_copy"},
        DeviceOptions{.feature_with_gpu = true}}) {
    const auto is_missing = StatusIs(
        absl::StatusCode::kFailedPrecondition,
        AllOf(HasSubstr("graph_mode " + options.graph_mode),
              AnyOf(HasSubstr("--config=cuda"), HasSubstr("nvidia-smi"))));
    EXPECT_THAT(CheckAccelerator(*dataset, options), is_missing);
    EXPECT_THAT(OpenAccelerator(*dataset, options), is_missing);
  }
}

TEST(OpenAccelerator, OptionsAreCheckedFirst) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                WriteWhole(RandomContents({.seed = 1})));
  EXPECT_THAT(CheckAccelerator(*dataset, {.graph_mode = "gpu"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(OpenAccelerator(*dataset, {.graph_mode = "gpu"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace fairlead::cuda
