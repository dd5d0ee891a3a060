#include "libs/cuda/device_options.h"

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {
namespace {

absl::StatusOr<GraphMode> ParseGraphMode(absl::string_view text) {
  const std::string mode = absl::AsciiStrToLower(text);
  if (mode == "cpu") return GraphMode::kCpu;
  if (mode == "zero_copy") return GraphMode::kZeroCopy;
  if (mode == "cuda") return GraphMode::kCuda;
  return absl::InvalidArgumentError(
      absl::StrCat("graph_mode: \"", text,
                   "\" is none; give cpu, zero_copy (a GPU samples from "
                   "page-locked memory) or cuda (from its own)"));
}

absl::StatusOr<int> ParseDevice(absl::string_view text) {
  absl::string_view rest = text;
  int device = 0;
  if (rest.empty()) return device;
  if (absl::ConsumePrefix(&rest, "cuda") &&
      (rest.empty() ||
       (absl::ConsumePrefix(&rest, ":") && !rest.empty() &&
        absl::ascii_isdigit(static_cast<unsigned char>(rest[0])) &&
        absl::SimpleAtoi(rest, &device)))) {
    return device;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device: \"", text,
                   "\" is no GPU; give cuda:0, cuda:1 and so on, or nothing "
                   "for the first"));
}

absl::Status CheckGroups(const std::vector<std::vector<int>>& groups,
                         int device) {
  if (groups.empty()) return absl::OkStatus();
  std::set<int> seen;
  for (const std::vector<int>& group : groups) {
    if (group.empty()) {
      return absl::InvalidArgumentError(
          "device_group_list: a group is empty; name its devices, or leave it "
          "out");
    }
    for (const int member : group) {
      if (member < 0 || !seen.insert(member).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("device_group_list: device ", member,
                         member < 0 ? " is none; they are numbered from 0"
                                    : " is there twice; name each once"));
      }
    }
  }
  if (seen.count(device) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("device_group_list: device ", device,
                     ", which is to be used, is in no group"));
  }
  for (const std::vector<int>& group : groups) {
    if (group.size() == 1) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "device_group_list: hot rows are not spread over several devices, as "
        "{",
        absl::StrJoin(group, ", "),
        "} asks for; give each a group of its own, or no groups"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DeviceUse> Resolve(const DeviceOptions& options) {
  DeviceUse use{.features = options.feature_with_gpu,
                .memory_budget_bytes = options.memory_budget_bytes};
  FAIRLEAD_ASSIGN_OR_RETURN(use.graph_mode, ParseGraphMode(options.graph_mode));
  if (!use.any()) return use;
  FAIRLEAD_ASSIGN_OR_RETURN(use.device, ParseDevice(options.device));
  if (use.features) {
    FAIRLEAD_RETURN_IF_ERROR(
        CheckGroups(options.device_group_list, use.device));
  }
  return use;
}

}  // namespace fairlead::cuda
