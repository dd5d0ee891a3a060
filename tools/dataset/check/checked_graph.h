#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_CHECKED_GRAPH_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_CHECKED_GRAPH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/id_space.h"
#include "libs/graph/partition_book.h"
#include "libs/type_names/type_names.h"
#include "tools/dataset/check/array_files.h"

namespace fairlead {

// What is known of a dataset while it is checked: as much as can be used, the
// rest is among the findings. Parts of check_dataset, plain data.

struct CheckedBooks {
  std::shared_ptr<const PartitionBook> ids;  // null where one partition has all
  std::shared_ptr<const PartitionBook> features;  // or the same
  std::string name;  // for messages: the table's file, or dataset.json
};

struct CheckedTopology {
  const TopologyManifest* manifest = nullptr;
  Topology topology;  // indptr fits the rows and the edges
};

struct CheckedPartition {
  CheckedPartition(uint32_t number, const std::string& directory,
                   const std::string& folder, DatasetManifest of,
                   Findings* findings)
      : index(number),
        manifest(std::move(of)),
        files(directory, folder, findings) {}

  const uint32_t index;
  const DatasetManifest manifest;
  ArrayFiles files;
  std::map<std::string, IdSpace> nodes;
  std::map<EdgeTypeName, CheckedTopology> out;
  std::map<EdgeTypeName, CheckedTopology> in;

  const std::map<EdgeTypeName, CheckedTopology>& edges(EdgeDir dir) const {
    return dir == EdgeDir::kOut ? out : in;
  }
};

// The nodes of one type in all partitions.
struct CheckedNodes {
  std::vector<int64_t> storage;  // of `ids`
  IdSpace ids;
  std::vector<bool> has_edge;  // by row of `ids`
};

struct CheckedGraph {
  std::map<std::string, CheckedBooks> node_books;
  std::map<EdgeTypeName, CheckedBooks> edge_books;
  std::vector<std::unique_ptr<CheckedPartition>> partitions;
  // A type whose ids could not be read in some partition is not among these.
  std::map<std::string, CheckedNodes> nodes;

  // Null where there is none.
  template <typename Map, typename Key>
  static auto* Find(Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }
};

// "partition 3's", or "nobody's".
inline std::string OwnerText(uint32_t owner) {
  return owner == kNoPartition ? std::string("nobody's")
                               : absl::StrCat("partition ", owner, "'s");
}

// Calls `report(row, id, owner)` for each id that the book gives to another
// partition, or to nobody, but stops after a million: then all is wrong.
// REQUIRES that id_of(row) is good for 0 <= row < rows.
template <typename IdOf, typename Report>
void ForEachForeign(const PartitionBook& book, uint32_t partition, int64_t rows,
                    IdOf id_of, Report report) {
  constexpr int64_t kBlock = 4096;
  int64_t left = 1'000'000;
  std::vector<int64_t> ids;
  std::vector<uint32_t> owners;
  for (int64_t from = 0; from < rows && left > 0; from += kBlock) {
    const int64_t to = rows - from < kBlock ? rows : from + kBlock;
    ids.clear();
    for (int64_t row = from; row < to; ++row) ids.push_back(id_of(row));
    owners.resize(ids.size());
    // What it says of ids that are nobody's is reported one by one.
    static_cast<void>(book.PartitionOf(ids, absl::MakeSpan(owners)));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (owners[i] == partition) continue;
      --left;
      report(from + static_cast<int64_t>(i), ids[i], owners[i]);
    }
  }
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_CHECKED_GRAPH_H_
