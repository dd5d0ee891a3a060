#ifndef FAIRLEAD_LIBS_GLT_FOLDER_GLT_META_H_
#define FAIRLEAD_LIBS_GLT_FOLDER_GLT_META_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fairlead {

struct GltEdgeType {
  std::string src;
  std::string relation;
  std::string dst;

  // As GLT names its folders and files: "user__buys__item". Empty for the one
  // edge type of a homogeneous graph.
  std::string Name() const;

  bool operator==(const GltEdgeType&) const = default;
};

// What the META file of a partition folder says (parity 2.6).
struct GltMeta {
  uint32_t num_partitions = 0;
  bool heterogeneous = false;
  // In the order of the file. A homogeneous graph has one type of each, of
  // empty names.
  std::vector<std::string> node_types;
  std::vector<GltEdgeType> edge_types;
};

// Reads META: a pickled dict of num_parts, data_cls ("homo" or "hetero"),
// node_types (strings) and edge_types (tuples of three strings).
//
// NOT_FOUND if there is no such file. INVALID_ARGUMENT if a key is missing or
// of another type, there are not 1 to kMaxPartitions partitions, data_cls and
// the types contradict each other, an edge type is of a node type that there is
// none of, a name cannot be a file's name or would lead out of the folder, or
// two types have one name. Else as ParsePickle.
absl::StatusOr<GltMeta> ReadGltMeta(const std::string& path);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GLT_FOLDER_GLT_META_H_
