#include "libs/partition_writer/random_dataset.h"

#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {
namespace {

class Generator {
 public:
  explicit Generator(const RandomDatasetOptions& options)
      : options_(options), random_(options.seed, 0, 0) {}

  DatasetContents Make() {
    DatasetContents contents;
    contents.name = "random";
    const int64_t node_types = 1 + Below(3);
    for (int64_t i = 0; i < node_types; ++i) AddNodes(&contents);
    const int64_t edge_types = Below(6);
    for (int64_t i = 0; i < edge_types; ++i) AddEdges(&contents);
    return contents;
  }

 private:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(bound)));
  }
  bool Sometimes() { return Below(2) == 0; }

  DatasetContents::Features Features(int64_t rows) {
    constexpr ElementType kTypes[] = {
        ElementType::kFloat32, ElementType::kFloat16, ElementType::kBFloat16,
        ElementType::kInt8,    ElementType::kUint8,   ElementType::kInt64};
    DatasetContents::Features features;
    features.element_type = kTypes[Below(6)];
    features.columns = 1 + Below(5);
    const int64_t elements = rows * features.columns;
    if (features.element_type == ElementType::kFloat32) {
      for (int64_t i = 0; i < elements; ++i) {
        features.values.push_back(static_cast<float>(Below(1000)));
      }
      return features;
    }
    features.bytes.resize(static_cast<size_t>(elements) *
                          ElementBytes(features.element_type));
    for (uint8_t& byte : features.bytes) {
      byte = static_cast<uint8_t>(Below(256));
    }
    if (ElementBytes(features.element_type) == 1 && Sometimes()) {
      features.scale.assign(
          Sometimes() ? 1 : static_cast<size_t>(features.columns), 0.5F);
    }
    return features;
  }

  // Some of the ids, in any order.
  std::vector<int64_t> Split(const std::vector<int64_t>& ids) {
    std::vector<int64_t> split;
    for (const int64_t id : ids) {
      if (Below(3) > 0) split.push_back(id);
    }
    for (size_t i = split.size(); i > 1; --i) {
      std::swap(split[i - 1], split[random_.Below(i)]);
    }
    return split;
  }

  void AddNodes(DatasetContents* contents) {
    const size_t number = contents->nodes.size();
    DatasetContents::Nodes& nodes = contents->nodes.emplace_back();
    nodes.name = absl::StrCat("n", number);
    const bool may_be_empty = number == 2;
    nodes.num_nodes =
        may_be_empty && Sometimes() ? 0 : 1 + Below(options_.max_nodes);
    std::vector<int64_t>& ids = ids_.emplace_back();
    // The first type is sparse, so that there is one.
    const bool is_sparse = options_.sparse_ids && nodes.num_nodes > 0 &&
                           (number == 0 || Sometimes());
    int64_t id = is_sparse ? Below(1000) : 0;
    for (int64_t i = 0; i < nodes.num_nodes; ++i) {
      ids.push_back(id);
      id += is_sparse ? 1 + Below(Sometimes() ? 3 : int64_t{1} << 33) : 1;
    }
    if (is_sparse) nodes.ids = ids;
    if (Below(4) > 0) nodes.other_features = Features(nodes.num_nodes);
    if (Sometimes()) {
      const int64_t columns = 1 + Below(2);
      nodes.num_classes = columns == 1 ? 7 : 0;
      for (int64_t i = 0; i < nodes.num_nodes * columns; ++i) {
        nodes.labels.push_back(Below(7));
      }
    }
    if (Sometimes()) {
      for (const int64_t each : ids) nodes.timestamps.push_back(each % 17);
    }
    if (number == 0 || Sometimes()) nodes.train = Split(ids);
    if (Sometimes()) nodes.val = Split(ids);
    if (Sometimes()) nodes.test = std::vector<int64_t>();
    // One seed at least, for the method frequency.
    if (number == 0) nodes.train->push_back(ids[0]);
  }

  // The first ids have most of the edges.
  int64_t Node(size_t type) {
    const auto size = static_cast<int64_t>(ids_[type].size());
    return ids_[type][static_cast<size_t>(Below(1 + Below(size)))];
  }

  void AddEdges(DatasetContents* contents) {
    const auto src = static_cast<size_t>(
        Below(static_cast<int64_t>(contents->nodes.size())));
    const auto dst = static_cast<size_t>(
        Below(static_cast<int64_t>(contents->nodes.size())));
    DatasetContents::Edges& edges = contents->edges.emplace_back();
    edges.name = {contents->nodes[src].name,
                  absl::StrCat("r", contents->edges.size()),
                  contents->nodes[dst].name};
    edges.by_src = Below(4) > 0;
    edges.by_dst = !edges.by_src || Sometimes();
    const bool can_have = !ids_[src].empty() && !ids_[dst].empty();
    const int64_t count = can_have ? Below(options_.max_edges) : 0;
    // Places, or close together, or too far apart for a table.
    const int64_t kind = Below(3);
    const int64_t step = kind == 1 ? 3 : int64_t{1} << 34;
    const bool has_weights = Sometimes();
    const bool has_times = Sometimes();
    for (int64_t i = 0; i < count; ++i) {
      edges.edges.emplace_back(Node(src), Node(dst));
      if (kind > 0) edges.ids.push_back(step * (count - i));
      if (has_weights) {
        edges.weights.push_back(static_cast<float>(Below(5)) / 2);
      }
      if (has_times) edges.timestamps.push_back(Below(20));
    }
    if (Sometimes()) edges.features = Features(count);
  }

  const RandomDatasetOptions& options_;
  RandomStream random_;
  std::vector<std::vector<int64_t>> ids_;  // by node type
};

}  // namespace

DatasetContents RandomDataset(const RandomDatasetOptions& options) {
  return Generator(options).Make();
}

std::string NewFolder() {
  std::string folder = ::testing::TempDir() + "/partitions-XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::string WriteToNewFolder(DatasetContents contents) {
  std::string folder = NewFolder();
  EXPECT_THAT(WriteDataset(folder, std::move(contents)), IsOk());
  return folder;
}

}  // namespace fairlead::testing
