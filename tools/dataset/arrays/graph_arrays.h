#ifndef FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_ARRAYS_H_
#define FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_ARRAYS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/type_names/type_names.h"

namespace fairlead {

// A graph on its way from one form into another: what importers make, what the
// writer of a dataset takes, and what an export is made of. Ids are the whole
// graph's. Plain data; rows of features are not copied, but pointed to.

struct FeatureRows {
  std::vector<int64_t> ids;          // each once
  std::vector<const uint8_t*> rows;  // that of ids[i]; in GraphArrays::keep
};

struct FeatureArrays {
  ElementType element_type = ElementType::kFloat32;
  int64_t columns = 0;
  FeatureRows owned;
  FeatureRows cached;        // of other partitions
  std::vector<float> scale;  // or empty
};

struct NodeArrays {
  std::string name;
  std::vector<int64_t> ids;  // ascending
  int64_t num_classes = 0;   // 0 where unknown
  std::optional<FeatureArrays> features;
  std::optional<std::vector<int64_t>> labels;  // ids.size() * label_columns
  int64_t label_columns = 1;
  bool labels_are_matrix = false;  // [nodes, label_columns], even if that is 1
  std::optional<std::vector<int64_t>> timestamps;
  std::optional<std::vector<int64_t>> train;
  std::optional<std::vector<int64_t>> val;
  std::optional<std::vector<int64_t>> test;
};

struct EdgeArrays {
  EdgeTypeName name;
  std::vector<int64_t> src;
  std::vector<int64_t> dst;  // as many as src, and so are all that follow
  std::vector<int64_t> ids;
  std::optional<std::vector<float>> weights;
  std::optional<std::vector<int64_t>> timestamps;
  std::optional<FeatureArrays> features;
  bool out = true;  // to be listed by source
  bool in = false;  // to be listed by destination
  // Neighbours ascend; else they stay in this order.
  bool sort_neighbors = true;
};

struct GraphArrays {
  std::string name;
  std::vector<NodeArrays> nodes;
  std::vector<EdgeArrays> edges;
  std::vector<std::shared_ptr<const void>> keep;
};

// Rows one after another, those of `ids`. REQUIRES data to be as many rows of
// `row_bytes`.
FeatureRows RowsOf(std::vector<int64_t> ids, const uint8_t* data,
                   int64_t row_bytes);

// As many numbers of `type` as `bytes` holds, as one of the types that features
// may have: bool becomes uint8, narrow integers int64, float64 float32 (rounded
// to the nearest). INVALID_ARGUMENT, naming `name`, for uint64.
struct Elements {
  ElementType type = ElementType::kFloat32;
  std::vector<uint8_t> bytes;
};
absl::StatusOr<Elements> ToFeatureType(ElementType type,
                                       std::vector<uint8_t> bytes,
                                       const std::string& name);

// 0 to size - 1.
std::vector<int64_t> Iota(int64_t size);

// One more than the largest; 0 if none is 0 or more.
int64_t CountClasses(absl::Span<const int64_t> labels);

// All of a partition, or a whole dataset: edges as they are listed, by source
// where there is that. Its files stay mapped as long as `dataset` lives.
GraphArrays ArraysOf(const Dataset& dataset);

// Partitions put together: nodes and features by id, edges by the node that
// lists them and else as they come, cached rows left out. INVALID_ARGUMENT if
// the partitions do not fit each other.
absl::StatusOr<GraphArrays> MergeArrays(std::vector<GraphArrays> partitions);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_ARRAYS_GRAPH_ARRAYS_H_
