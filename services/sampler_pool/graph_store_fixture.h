#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_FIXTURE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/element_type.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "services/sampler_pool/graph_store.h"

// Datasets that a GraphStore is asked about.
namespace fairlead::testing {

// Users, who buy items by their source, and like them by their destination.
// Types are not in the order of their names.
inline DatasetContents Shop() {
  DatasetContents contents;
  contents.name = "shop";
  contents.nodes = {
      {.name = "user",
       .num_nodes = 5,
       .train = {{4, 0, 2}},
       .val = {{1}},
       .other_features = {.element_type = ElementType::kInt8,
                          .columns = 2,
                          .bytes = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41},
                          .scale = {0.5F, 2}},
       .timestamps = {9, 8, 7, 6, 5}},
      {.name = "item",
       .num_nodes = 3,
       .feature_dim = 1,
       .features = {0, 10, 20},
       .labels = {2, 0, 1},
       .num_classes = 3}};
  contents.edges = {{.name = {"user", "likes", "item"},
                     .edges = {{0, 1}, {3, 1}, {2, 0}},
                     .by_src = false,
                     .by_dst = true},
                    {.name = {"user", "buys", "item"},
                     .edges = {{0, 2}, {0, 1}, {3, 0}, {4, 2}},
                     .ids = {7, 5, 6, 4},
                     .weights = {1, 2, 3, 4},
                     .features = {.columns = 1, .values = {70, 50, 60, 40}}}};
  return contents;
}

inline DatasetContents Chain(int64_t num_nodes = 6) {
  DatasetContents contents;
  contents.name = "chain";
  DatasetContents::Nodes& nodes = contents.nodes.emplace_back();
  nodes = {.name = "n", .num_nodes = num_nodes};
  DatasetContents::Edges& edges = contents.edges.emplace_back();
  edges.name = {"n", "to", "n"};
  for (int64_t i = 0; i + 1 < num_nodes; ++i) edges.edges.push_back({i, i + 1});
  return contents;
}

inline v1::EdgeType EdgeTypeOf(const char* src, const char* relation,
                               const char* dst) {
  v1::EdgeType type;
  type.set_src(src);
  type.set_relation(relation);
  type.set_dst(dst);
  return type;
}

inline v1::TypeRef Nodes(const char* name) {
  v1::TypeRef type;
  type.set_node_type(name);
  return type;
}

inline v1::TypeRef Buys() {
  v1::TypeRef type;
  *type.mutable_edge_type() = EdgeTypeOf("user", "buys", "item");
  return type;
}

// A heterogeneous dataset, as a whole and in two partitions, and a homogeneous
// one.
class GraphStoreFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(shop_, WriteWhole(Shop()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(chain_, WriteWhole(Chain()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        parts_, PartitionedDataset::Create(*shop_, 2, BookKind::kTable));
  }

  static absl::StatusOr<std::vector<uint32_t>> PartitionIds(
      const Dataset& dataset, const v1::TypeRef& type,
      const std::vector<int64_t>& ids, bool of_features = false) {
    v1::GetPartitionIdsRequest request;
    *request.mutable_type() = type;
    request.set_of_features(of_features);
    request.mutable_ids()->Add(ids.begin(), ids.end());
    const auto answer = GraphStore(dataset).PartitionIds(request);
    if (!answer.ok()) return answer.status();
    return std::vector<uint32_t>(answer->partitions().begin(),
                                 answer->partitions().end());
  }

  std::unique_ptr<const Dataset> shop_;
  std::unique_ptr<const Dataset> chain_;
  PartitionedDataset parts_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_GRAPH_STORE_FIXTURE_H_
