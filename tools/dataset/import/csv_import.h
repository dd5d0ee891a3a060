#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_CSV_IMPORT_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_CSV_IMPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/import/edge_options.h"

namespace fairlead {

struct CsvImportOptions {
  std::string name;
  // Lists of edges as text (NumberTableReader), in the order of their ids;
  // several of one type follow each other.
  std::vector<std::pair<EdgeTypeName, std::string>> edges;
  // What the columns are, for files without a header: src, dst, weight,
  // timestamp, or - for one that is not read. By default src, dst.
  std::vector<std::string> columns;
  // By node type; of types that are not here, one more than the largest id.
  std::map<std::string, int64_t> num_nodes;
  // Files by node type, each .npy or text. Text may name its rows in a column
  // id; a node type may be here and in no edge.
  std::map<std::string, std::string> features;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> train;
  std::map<std::string, std::string> val;
  std::map<std::string, std::string> test;
  // Nodes are the ids that edges, and tables with ids, name, rather than all
  // from 0 to the largest.
  bool sparse_ids = false;
  EdgeOptions edge_options;
};

// Writes a graph of edge lists as a dataset into `directory`. Columns of a file
// with a header are found by name: src or source; dst, target or destination;
// weight; time or timestamp; others are not read. An edge's id is the number of
// its row, from 0 on.
//
// Errors as NumberTableReader, and INVALID_ARGUMENT, naming file and row or the
// flag, for ids that are no nodes, weights below 0 or not finite, files of one
// type of which not all have weights, ids so large that they are surely sparse,
// or node data as in node_data.h. All edges are in memory.
absl::Status ImportCsv(const CsvImportOptions& options,
                       const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_CSV_IMPORT_H_
