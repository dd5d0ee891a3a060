#include "tools/dataset/export/export_dataset.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/arrays/graph_arrays.h"
#include "tools/dataset/export/export_files.h"

namespace fairlead {

absl::Status ExportDataset(const std::string& dataset,
                           std::optional<uint32_t> partition,
                           const ExportOptions& options,
                           const std::string& directory) {
  std::vector<GraphArrays> partitions;
  uint32_t count = 1;
  for (uint32_t i = 0; i < count; ++i) {
    Dataset::LoadOptions load;
    load.partition = partition.value_or(i);
    FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<const Dataset> loaded,
                              Dataset::Load(dataset, load));
    if (!partition.has_value()) count = loaded->num_partitions();
    partitions.push_back(ArraysOf(*loaded));
    partitions.back().keep.push_back(std::move(loaded));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const GraphArrays graph,
                            MergeArrays(std::move(partitions)));
  return WriteExport(graph, options, directory);
}

}  // namespace fairlead
