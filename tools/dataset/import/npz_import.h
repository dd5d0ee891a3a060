#ifndef FAIRLEAD_TOOLS_DATASET_IMPORT_NPZ_IMPORT_H_
#define FAIRLEAD_TOOLS_DATASET_IMPORT_NPZ_IMPORT_H_

#include <string>

#include "absl/status/status.h"
#include "tools/dataset/import/edge_options.h"

namespace fairlead {

struct NpzImportOptions {
  std::string in;  // an .npz file or a folder
  std::string name;
  // Of several folders in split/, the one to take: "time".
  std::string split;
  EdgeOptions edge_options;
};

// Writes a homogeneous graph of arrays, as OGB's raw folders and .npz files
// have them, as a dataset of types node and node__to__node into `directory`.
// Looks in the folder itself and in its raw/ and split/*/ for these, as .npy,
// .csv, .csv.gz or members of an .npz:
//
//   edge_index, edge            [2, edges], or [edges, 2]; text the latter
//   num_nodes, num_nodes_list, num_node_list
//                               one number; without it, one more than the
//                               largest id, or as many as there are node_feat
//   node_feat, edge_feat        [nodes, columns], [edges, columns]
//   node_label, labels, label   integers [nodes] or [nodes, columns]; NaN and
//                               negative is unknown
//   edge_weight, edge_time, node_year, node_time
//   train, train_idx, valid, valid_idx, val, val_idx, test, test_idx
//
// An edge's id is its place. Errors as the readers of those files;
// INVALID_ARGUMENT, naming file and row, for what does not fit; NOT_FOUND, with
// the names that are there, without edges.
absl::Status ImportNpz(const NpzImportOptions& options,
                       const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_IMPORT_NPZ_IMPORT_H_
