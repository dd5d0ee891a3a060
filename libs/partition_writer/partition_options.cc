#include "libs/partition_writer/partition_options.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace fairlead {
namespace {

constexpr std::pair<PartitionMethod, absl::string_view> kMethods[] = {
    {PartitionMethod::kRange, "range"},
    {PartitionMethod::kRandom, "random"},
    {PartitionMethod::kHash, "hash"},
    {PartitionMethod::kMetis, "metis"},
    {PartitionMethod::kFrequency, "frequency"}};

}  // namespace

absl::StatusOr<PartitionMethod> ParsePartitionMethod(absl::string_view name) {
  std::vector<absl::string_view> names;
  for (const auto& [method, its_name] : kMethods) {
    if (name == its_name) return method;
    names.push_back(its_name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("method: ", name.empty() ? "(none)" : name,
                   " is none; use one of ", absl::StrJoin(names, ", ")));
}

absl::string_view PartitionMethodName(PartitionMethod method) {
  for (const auto& [each, name] : kMethods) {
    if (each == method) return name;
  }
  return "?";
}

}  // namespace fairlead
