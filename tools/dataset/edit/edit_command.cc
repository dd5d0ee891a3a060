#include "tools/dataset/edit/edit_command.h"

#include <cstdint>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/sampling/node_split.h"
#include "libs/status/status_macros.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/edit/add_labels.h"
#include "tools/dataset/edit/split_dataset.h"

ABSL_FLAG(std::string, node_type, "",
          "split: whose nodes; not needed if there is one type.");
ABSL_FLAG(std::string, edge_type, "",
          "add_labels: as src__relation__dst, from anchors outward.");
ABSL_FLAG(std::string, num_val, "",
          "split: nodes to validate with, a number as 1000 or a part as 0.1.");
ABSL_FLAG(std::string, num_test, "", "split: nodes to test with, likewise.");

namespace fairlead {
namespace {

absl::StatusOr<SplitSize> SizeFromFlag(const char* flag,
                                       const std::string& value) {
  absl::StatusOr<SplitSize> size = ParseSplitSize(value);
  if (size.ok()) return size;
  return absl::InvalidArgumentError(absl::StrCat(
      "--", flag, "=", value, ": ", std::string(size.status().message())));
}

}  // namespace

const char kEditUsage[] =
    "  dataset split --in=DIR [--out=DIR] --num_val=N --num_test=N "
    "[--node_type=T] [--seed=S]\n"
    "                               train, val and test at random; N is a "
    "number, 1000, or a part, 0.1\n"
    "  dataset add_in_edges --in=DIR, dataset add_out_edges --in=DIR\n"
    "                               list edges by destination, or source, "
    "too\n"
    "  dataset add_labels --in=DIR --edge_type=SRC__RELATION__DST\n"
    "                               edges of a type are also labels for link "
    "prediction\n";

absl::Status RunSplit(const std::string& directory, uint64_t seed) {
  SplitOptions options;
  options.node_type = absl::GetFlag(FLAGS_node_type);
  options.seed = seed;
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.val, SizeFromFlag("num_val", absl::GetFlag(FLAGS_num_val)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.test, SizeFromFlag("num_test", absl::GetFlag(FLAGS_num_test)));
  return SplitDataset(directory, options);
}

absl::Status RunAddLabels(const std::string& directory) {
  const absl::StatusOr<EdgeTypeName> type =
      ParseEdgeTypeName(absl::GetFlag(FLAGS_edge_type));
  if (!type.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--edge_type: ", std::string(type.status().message())));
  }
  return AddLabels(directory, *type);
}

}  // namespace fairlead
