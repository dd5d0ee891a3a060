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
#include "libs/type_names/type_names.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/arrays/graph_writer.h"
#include "tools/dataset/export/export_files.h"
#include "tools/dataset/import/csv_import.h"
#include "tools/dataset/import/edge_options.h"
#include "tools/dataset/import/glt_import.h"
#include "tools/dataset/import/npz_import.h"
#include "tools/dataset/import/type_files.h"

ABSL_FLAG(std::string, from, "", "import: glt, csv, npz or npy.");
ABSL_FLAG(std::string, name, "",
          "import: the dataset's name, by default that of --in.");
ABSL_FLAG(std::vector<std::string>, labels, {},
          "import: label files, FILE or TYPE:FILE,...");
ABSL_FLAG(bool, merge, false, "import --from=glt: make one whole dataset.");
ABSL_FLAG(std::string, edge_dir, "",
          "import: list edges by source (out), destination (in) or both. By "
          "default out; with --from=glt as they lie, which is one of the two.");
ABSL_FLAG(std::vector<std::string>, edges, {},
          "import --from=csv: lists of edges, FILE or SRC__REL__DST:FILE,...");
ABSL_FLAG(std::vector<std::string>, columns, {},
          "import --from=csv: src, dst, weight, timestamp, or - for a column "
          "that is not read; of files without a header.");
ABSL_FLAG(std::vector<std::string>, num_nodes, {},
          "import --from=csv: NUMBER or TYPE:NUMBER,...; by default one more "
          "than the largest id.");
ABSL_FLAG(std::vector<std::string>, node_features, {},
          "import --from=csv: .npy or text, FILE or TYPE:FILE,...");
ABSL_FLAG(std::vector<std::string>, train, {},
          "import --from=csv: ids of nodes, FILE or TYPE:FILE,...");
ABSL_FLAG(std::vector<std::string>, val, {}, "As --train.");
ABSL_FLAG(std::vector<std::string>, test, {}, "As --train.");
ABSL_FLAG(bool, sparse_ids, false,
          "import --from=csv: keep ids as they are, with a list of them.");
ABSL_FLAG(bool, undirected, false,
          "import --from=csv, npz, npy: edges lead back, too.");
ABSL_FLAG(std::string, split, "",
          "import --from=npz, npy: the folder in split/ to take.");

namespace fairlead {
namespace {

std::string NameOf(const std::string& path) {
  const std::string name = absl::GetFlag(FLAGS_name);
  if (!name.empty()) return name;
  if (path.empty()) return "graph";
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

absl::StatusOr<EdgeOptions> ParseEdgeOptions() {
  EdgeOptions options;
  options.undirected = absl::GetFlag(FLAGS_undirected);
  const std::string edge_dir = absl::GetFlag(FLAGS_edge_dir);
  if (!edge_dir.empty() && edge_dir != "out" && edge_dir != "in" &&
      edge_dir != "both") {
    return absl::InvalidArgumentError(
        absl::StrCat("--edge_dir=", edge_dir, ": must be out, in or both"));
  }
  options.out = edge_dir != "in";
  options.in = edge_dir == "in" || edge_dir == "both";
  return options;
}

absl::Status ParseEdges(CsvImportOptions* options) {
  for (const std::string& value : absl::GetFlag(FLAGS_edges)) {
    const size_t colon = value.find(':');
    if (colon == std::string::npos) {
      options->edges.push_back({{kOnlyNodeType, "to", kOnlyNodeType}, value});
      continue;
    }
    absl::StatusOr<EdgeTypeName> type =
        ParseEdgeTypeName(value.substr(0, colon));
    if (!type.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--edges=", value, ": ", std::string(type.status().message())));
    }
    options->edges.push_back({*std::move(type), value.substr(colon + 1)});
  }
  return absl::OkStatus();
}

absl::Status FromCsv(const std::string& directory) {
  CsvImportOptions options;
  FAIRLEAD_RETURN_IF_ERROR(ParseEdges(&options));
  options.name = NameOf(options.edges.empty() ? "" : options.edges[0].second);
  options.columns = absl::GetFlag(FLAGS_columns);
  options.sparse_ids = absl::GetFlag(FLAGS_sparse_ids);
  FAIRLEAD_ASSIGN_OR_RETURN(options.edge_options, ParseEdgeOptions());
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.num_nodes,
      ParseTypeCounts("num_nodes", absl::GetFlag(FLAGS_num_nodes)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.features,
      ParseTypeFiles("node_features", absl::GetFlag(FLAGS_node_features)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.labels, ParseTypeFiles("labels", absl::GetFlag(FLAGS_labels)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      options.train, ParseTypeFiles("train", absl::GetFlag(FLAGS_train)));
  FAIRLEAD_ASSIGN_OR_RETURN(options.val,
                            ParseTypeFiles("val", absl::GetFlag(FLAGS_val)));
  FAIRLEAD_ASSIGN_OR_RETURN(options.test,
                            ParseTypeFiles("test", absl::GetFlag(FLAGS_test)));
  return ImportCsv(options, directory);
}

absl::Status FromArrays(const std::string& in, const std::string& directory) {
  if (IsExport(in)) {
    FAIRLEAD_ASSIGN_OR_RETURN(GraphArrays graph, ReadExport(in));
    if (!absl::GetFlag(FLAGS_name).empty()) {
      graph.name = absl::GetFlag(FLAGS_name);
    }
    return WriteGraph(directory, graph);
  }
  NpzImportOptions options;
  options.in = in;
  options.name = NameOf(in);
  options.split = absl::GetFlag(FLAGS_split);
  FAIRLEAD_ASSIGN_OR_RETURN(options.edge_options, ParseEdgeOptions());
  return ImportNpz(options, directory);
}

}  // namespace

const char kImportUsage[] =
    "  dataset import --from=glt --in=ROOT --out=DIR [--labels=TYPE:FILE,...] "
    "[--merge] [--edge_dir=out|in]\n"
    "                               what a GLT partitioner wrote, in its "
    "partitions or as a whole\n"
    "  dataset import --from=csv --edges=[TYPE:]FILE,... --out=DIR "
    "[--columns=src,dst,weight] [--num_nodes=[TYPE:]N,...] "
    "[--node_features=[TYPE:]FILE,...] [--labels=...] [--train=...] "
    "[--val=...] [--test=...] [--sparse_ids] [--undirected] "
    "[--edge_dir=out|in|both]\n"
    "                               lists of edges in text, perhaps gzip\n"
    "  dataset import --from=npz|npy --in=FILE_OR_FOLDER --out=DIR "
    "[--split=NAME] [--undirected] [--edge_dir=out|in|both]\n"
    "                               arrays as OGB has them, or an export\n";

absl::Status RunImport(const std::string& in, const std::string& directory) {
  const std::string from = absl::GetFlag(FLAGS_from);
  if (from != "glt" && from != "csv" && from != "npz" && from != "npy") {
    return absl::InvalidArgumentError(
        absl::StrCat("--from=", from, ": must be glt, csv, npz or npy"));
  }
  if (from == "csv") {
    if (in.empty()) return FromCsv(directory);
    return absl::InvalidArgumentError(
        "--in: with --from=csv, --edges names the files");
  }
  if (in.empty()) {
    return absl::InvalidArgumentError("--in: must name what to import");
  }
  return from == "glt" ? FromGlt(in, directory) : FromArrays(in, directory);
}

}  // namespace fairlead
