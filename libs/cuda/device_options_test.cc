#include "libs/cuda/device_options.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DeviceOptions, AskForNothingByDefault) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DeviceUse use, Resolve({}));
  EXPECT_FALSE(use.any());
}

TEST(DeviceOptions, GraphModeIsOneOfThree) {  // GL-022
  for (const auto& [text, mode] :
       {std::pair("cpu", GraphMode::kCpu), std::pair("CPU", GraphMode::kCpu),
        std::pair("zero_copy", GraphMode::kZeroCopy),
        std::pair("ZERO_COPY", GraphMode::kZeroCopy),
        std::pair("cuda", GraphMode::kCuda)}) {
    SCOPED_TRACE(text);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DeviceUse use,
                                  Resolve({.graph_mode = text}));
    EXPECT_EQ(use.graph_mode, mode);
    EXPECT_EQ(use.any(), mode != GraphMode::kCpu);
  }
  for (const char* text : {"", "gpu", "auto", "zero-copy"}) {
    EXPECT_THAT(
        Resolve({.graph_mode = text}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("graph_mode"), HasSubstr("cpu, zero_copy"),
                       HasSubstr("cuda"))));
  }
}

TEST(DeviceOptions, DeviceIsANumberedGpu) {
  const auto device_of = [](const std::string& device) {
    return Resolve({.feature_with_gpu = true, .device = device});
  };
  for (const auto& [text, number] :
       {std::pair("", 0), std::pair("cuda", 0), std::pair("cuda:0", 0),
        std::pair("cuda:7", 7)}) {
    SCOPED_TRACE(text);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DeviceUse use, device_of(text));
    EXPECT_EQ(use.device, number);
  }
  for (const char* text : {"cpu", "1", "cuda:", "cuda:-1", "cuda1", "cuda: 1",
                           "cuda:1x", "cuda:99999999999"}) {
    EXPECT_THAT(device_of(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(text), HasSubstr("cuda:0"))));
  }
}

TEST(DeviceOptions, GroupsNameEachDeviceOnceAndTheOneInUse) {  // GL-023
  const auto with = [](std::vector<std::vector<int>> groups) {
    return Resolve({.feature_with_gpu = true,
                    .device = "cuda:1",
                    .device_group_list = std::move(groups)});
  };
  EXPECT_THAT(with({}), IsOk());
  EXPECT_THAT(with({{0}, {1}}), IsOk());
  const auto refused = [](const char* why) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    AllOf(HasSubstr("device_group_list"), HasSubstr(why)));
  };
  EXPECT_THAT(with({{1}, {}}), refused("empty"));
  EXPECT_THAT(with({{1}, {-1}}), refused("numbered from 0"));
  EXPECT_THAT(with({{0, 1}, {1}}), refused("twice"));
  EXPECT_THAT(with({{0}, {2}}), refused("in no group"));
  EXPECT_THAT(with({{0, 1}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("{0, 1}"), HasSubstr("of its own"))));
}

TEST(DeviceOptions, AreNotLookedAtWhereNoGpuIsAskedFor) {  // GL-023
  EXPECT_THAT(Resolve({.device = "nonsense", .device_group_list = {{}}}),
              IsOk());
  EXPECT_THAT(Resolve({.graph_mode = "cuda", .device_group_list = {{}}}),
              IsOk());
}

}  // namespace
}  // namespace fairlead::cuda
