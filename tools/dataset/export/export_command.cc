#include "tools/dataset/export/export_command.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tools/dataset/export/export_dataset.h"
#include "tools/dataset/export/export_files.h"

ABSL_FLAG(int64_t, partition, -1,
          "export: one partition; by default all, put together.");
ABSL_FLAG(bool, float32, false,
          "export: features as float32, multiplied by their scales.");

namespace fairlead {

const char kExportUsage[] =
    "  dataset export --in=DIR --out=DIR [--partition=K] [--float32]\n"
    "                               plain .npy files, which import --from=npy "
    "reads\n";

absl::Status RunExport(const std::string& in, const std::string& directory) {
  const int64_t partition = absl::GetFlag(FLAGS_partition);
  if (partition < -1 || partition > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("--partition=", partition, ": is no partition"));
  }
  std::optional<uint32_t> one;
  if (partition >= 0) one = static_cast<uint32_t>(partition);
  return ExportDataset(in, one, {.float32 = absl::GetFlag(FLAGS_float32)},
                       directory);
}

}  // namespace fairlead
