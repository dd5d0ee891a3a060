#include "tools/dataset/import/import_command.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/import/glt_import.h"
#include "tools/dataset/import/type_files.h"

ABSL_FLAG(std::string, from, "", "import: glt.");
ABSL_FLAG(std::string, name, "",
          "import: the dataset's name, by default that of --in.");
ABSL_FLAG(std::vector<std::string>, labels, {},
          "import: label files, FILE or TYPE:FILE,...");
ABSL_FLAG(bool, merge, false, "import --from=glt: make one whole dataset.");
ABSL_FLAG(std::string, edge_dir, "",
          "import --from=glt: out if edges lie with their source, in if with "
          "their destination; found out by default.");

namespace fairlead {
namespace {

std::string NameOf(const std::string& path) {
  const std::string name = absl::GetFlag(FLAGS_name);
  if (!name.empty()) return name;
  const std::filesystem::path full =
      std::filesystem::path(path).lexically_normal();
  return full.has_filename() ? full.filename().string()
                             : full.parent_path().filename().string();
}

absl::Status FromGlt(const std::string& in, const std::string& directory) {
  GltImportOptions options;
  options.in = in;
  options.name = NameOf(in);
  options.merge = absl::GetFlag(FLAGS_merge);
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.labels, ParseTypeFiles("labels", absl::GetFlag(FLAGS_labels)));
  const std::string edge_dir = absl::GetFlag(FLAGS_edge_dir);
  if (edge_dir == "out") {
    options.edge_dir = EdgeDir::kOut;
  } else if (edge_dir == "in") {
    options.edge_dir = EdgeDir::kIn;
  } else if (!edge_dir.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--edge_dir=", edge_dir, ": must be out or in"));
  }
  return ImportGlt(options, directory);
}

}  // namespace

const char kImportUsage[] =
    "  dataset import --from=glt --in=ROOT --out=DIR [--labels=TYPE:FILE,...] "
    "[--merge] [--edge_dir=out|in]\n"
    "                               what a GLT partitioner wrote, in its "
    "partitions or as a whole\n";

absl::Status RunImport(const std::string& in, const std::string& directory) {
  const std::string from = absl::GetFlag(FLAGS_from);
  if (from == "glt") {
    if (in.empty()) {
      return absl::InvalidArgumentError("--in: must name the folder to import");
    }
    return FromGlt(in, directory);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--from=", from, ": must be glt"));
}

}  // namespace fairlead
