// A batch is the same to the byte, whatever was made before it in the same
// memory, and whether or not a GPU has a part in it (a device that the CPU
// stands in for).

#include "libs/batch_maker/prepared_batch.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/batch_maker/epoch_seeds.h"
#include "libs/clock/clock.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/emulated_device.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/sampling/random_contents.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::cuda::DeviceAccelerator;
using ::fairlead::cuda::DeviceUse;
using ::fairlead::cuda::GraphMode;
using ::fairlead::cuda::testing::EmulatedDevice;
using ::fairlead::testing::RandomContents;
using ::fairlead::testing::WriteWhole;

constexpr uint64_t kEpoch = 3;
constexpr absl::string_view kAnchors = "anchors";

absl::StatusOr<std::unique_ptr<const Dataset>> MakeDataset(bool heterogeneous) {
  DatasetContents contents = RandomContents(
      {.seed = 8, .heterogeneous = heterogeneous, .max_nodes = 80});
  for (DatasetContents::Nodes& nodes : contents.nodes) {
    nodes.feature_dim = 7;
    for (int64_t i = 0; i < nodes.num_nodes; ++i) {
      nodes.labels.push_back(i % 3);
      for (int64_t j = 0; j < nodes.feature_dim; ++j) {
        nodes.features.push_back(static_cast<float>(10 * i + j));
      }
    }
  }
  if (!heterogeneous) return WriteWhole(contents);
  // Labels of anchors.
  DatasetContents::Edges& labels = contents.edges.emplace_back();
  labels.name = {"a", "ab_gigl_positive", "b"};
  labels.by_dst = true;
  for (int64_t i = 0; i < contents.nodes[0].num_nodes; ++i) {
    labels.edges.emplace_back(i, i * 7 % contents.nodes[1].num_nodes);
    labels.weights.push_back(1);
  }
  return WriteWhole(contents);
}

absl::StatusOr<std::shared_ptr<const ChannelPlan>> MakePlan(
    const Dataset& dataset, const v1::SeedNodes& input,
    const v1::SamplingConfig& config, cuda::Accelerator* accelerator) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      ChannelPlan plan,
      ChannelPlan::Create(dataset, input, config, accelerator));
  return std::make_shared<const ChannelPlan>(std::move(plan));
}

// One message of an epoch, made in `batch`.
absl::StatusOr<std::string> Message(
    const std::shared_ptr<const ChannelPlan>& plan, uint64_t batch_index,
    PreparedBatch& batch) {
  v1::MessageHeader header;
  header.set_epoch(kEpoch);
  header.set_batch_index(batch_index);
  FAIRLEAD_RETURN_IF_ERROR(
      batch.Restart(plan, EpochSeeds(*plan, kEpoch), header, nullptr));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool planned, batch.Advance(RealClock()));
  EXPECT_TRUE(planned);
  std::string bytes(batch.bytes(), '\0');
  FAIRLEAD_RETURN_IF_ERROR(batch.writer().WriteTo(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size())));
  return bytes;
}

// The messages of an epoch.
absl::StatusOr<std::vector<std::string>> Messages(
    const Dataset& dataset, const v1::SeedNodes& input,
    const v1::SamplingConfig& config, cuda::Accelerator* accelerator) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto plan,
                            MakePlan(dataset, input, config, accelerator));
  PreparedBatch batch;
  std::vector<std::string> messages;
  for (uint64_t i = 0; i < plan->batches_per_epoch(); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(messages.emplace_back(), Message(plan, i, batch));
  }
  return messages;
}

v1::EdgeType EdgesFromAToB() {
  v1::EdgeType type;
  type.set_src("a");
  type.set_relation("ab");
  type.set_dst("b");
  return type;
}

struct Kind {
  absl::string_view name;
  std::function<void(v1::SeedNodes&, v1::SamplingConfig&)> change;
  bool is_sampled_by_the_device;
};

std::vector<Kind> Kinds() {
  return {
      {"plain", [](auto&, auto&) {}, true},
      {"with replacement",
       [](auto&, v1::SamplingConfig& config) { config.set_replace(true); },
       true},
      {"edge ids",
       [](auto&, v1::SamplingConfig& config) { config.set_with_edge(true); },
       true},
      {"against edges",
       [](auto&, v1::SamplingConfig& config) {
         config.set_edge_dir(v1::EDGE_DIR_IN);
       },
       true},
      {"links with negatives",
       [](v1::SeedNodes& input, v1::SamplingConfig& config) {
         config.set_type(v1::SAMPLING_TYPE_LINK);
         config.mutable_link()->set_negatives(v1::NEGATIVE_MODE_TRIPLET);
         config.mutable_link()->set_amount(2);
         const bool heterogeneous = input.node_type() == "b";
         input.mutable_edges()->set_all(true);
         if (heterogeneous) {
           *input.mutable_edges()->mutable_edge_type() = EdgesFromAToB();
         }
       },
       true},
      {kAnchors,
       [](v1::SeedNodes& input, v1::SamplingConfig& config) {
         config.set_type(v1::SAMPLING_TYPE_ABLP);
         input.set_node_type("a");
         *config.mutable_ablp()->mutable_supervision_edge_type() =
             EdgesFromAToB();
       },
       true},
      {"by weight",
       [](auto&, v1::SamplingConfig& config) { config.set_with_weight(true); },
       false},
      {"subgraphs",
       [](auto&, v1::SamplingConfig& config) {
         config.set_type(v1::SAMPLING_TYPE_SUBGRAPH);
       },
       false},
      {"by personalised PageRank",
       [](auto&, v1::SamplingConfig& config) {
         config.set_type(v1::SAMPLING_TYPE_PPR);
       },
       false},
  };
}

// All seeds, and a config that `kind` has changed.
std::pair<v1::SeedNodes, v1::SamplingConfig> MakeChannel(const Dataset& dataset,
                                                         const Kind& kind) {
  v1::SeedNodes input;
  input.set_split(v1::SPLIT_ALL);
  input.set_node_type(dataset.node_types().back().name);
  v1::SamplingConfig config;
  config.set_type(v1::SAMPLING_TYPE_NODE);
  config.add_fanout(4);
  config.add_fanout(3);
  config.set_batch_size(16);
  config.set_shuffle(true);
  config.set_seed(5);
  config.set_collect_features(true);
  kind.change(input, config);
  return {input, config};
}

TEST(PreparedBatch, MessagesAreTheSameWhateverChannelsTakeTurns) {
  for (const bool heterogeneous : {false, true}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                  MakeDataset(heterogeneous));
    EmulatedDevice device;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const auto accelerator,
        DeviceAccelerator::Create(
            *dataset,
            {.graph_mode = GraphMode::kCuda, .memory_budget_bytes = 1 << 20},
            device.device()));
    std::vector<std::shared_ptr<const ChannelPlan>> plans;
    for (const Kind& kind : Kinds()) {
      if (kind.name == kAnchors && !heterogeneous) continue;  // no labels
      auto [input, config] = MakeChannel(*dataset, kind);
      // Two after each other that sample alike, one that does not.
      for (const uint64_t seed : {5, 5, 6}) {
        config.set_seed(seed);
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            plans.emplace_back(),
            MakePlan(*dataset, input, config, /*accelerator=*/nullptr));
      }
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          plans.emplace_back(),
          MakePlan(*dataset, input, config, accelerator.get()));
    }
    PreparedBatch shared;
    for (const uint64_t index : {1, 0}) {
      for (const auto& plan : plans) {
        PreparedBatch own;
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string expected,
                                      Message(plan, index, own));
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string actual,
                                      Message(plan, index, shared));
        EXPECT_TRUE(actual == expected);
        EXPECT_TRUE(shared.HasSamplerFor(*plan));
      }
    }
  }
}

TEST(PreparedBatch, MessagesWithADeviceAreTheCpusToTheByte) {
  for (const bool heterogeneous : {false, true}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset,
                                  MakeDataset(heterogeneous));
    for (const Kind& kind : Kinds()) {
      if (kind.name == kAnchors && !heterogeneous) continue;  // no labels
      const auto [input, config] = MakeChannel(*dataset, kind);
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const std::vector<std::string> expected,
          Messages(*dataset, input, config, /*accelerator=*/nullptr));
      ASSERT_FALSE(expected.empty());
      for (const DeviceUse& use :
           {DeviceUse{.graph_mode = GraphMode::kCuda},
            DeviceUse{.graph_mode = GraphMode::kZeroCopy, .features = true},
            DeviceUse{.features = true}}) {
        SCOPED_TRACE(absl::StrCat(
            kind.name, ", ", heterogeneous ? "several types" : "one type",
            ", graph mode ", static_cast<int>(use.graph_mode),
            use.features ? ", features" : ""));
        EmulatedDevice device;
        DeviceUse with_budget = use;
        // Room for the graph, and for some of the rows.
        with_budget.memory_budget_bytes = use.features ? 3'000 : 1 << 20;
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const auto accelerator,
            DeviceAccelerator::Create(*dataset, with_budget, device.device()));
        FAIRLEAD_ASSERT_OK_AND_ASSIGN(
            const std::vector<std::string> actual,
            Messages(*dataset, input, config, accelerator.get()));
        EXPECT_TRUE(actual == expected);
        EXPECT_EQ(device.sessions() > 0,
                  use.features || kind.is_sampled_by_the_device);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead
