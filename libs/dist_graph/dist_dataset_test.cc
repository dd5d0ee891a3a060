#include "libs/dist_graph/dist_dataset.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/dist_graph/fake_partitions.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/partition_book.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::FakePartitions;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PapersAndAuthors;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

constexpr char kWrites[] = "author__writes__paper";

class DistDatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/dist-dataset-",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  absl::StatusOr<PartitionedDataset> Partitions() const {
    const auto whole = WriteWhole(PapersAndAuthors());
    if (!whole.ok()) return whole.status();
    return PartitionedDataset::Create(**whole, 3, BookKind::kTable);
  }

  std::string folder_;
};

// Parity GL-021.
TEST_F(DistDatasetTest, LoadsAPartition) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts, Partitions());
  const std::string root = parts.partition(0).directory();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Load(root, 2));
  EXPECT_EQ(dataset.num_partitions(), 3U);
  EXPECT_EQ(dataset.partition_idx(), 2U);
  EXPECT_EQ(dataset.edge_dir(), EdgeDir::kOut);
  EXPECT_EQ(dataset.graph().partition_idx(), 2U);
  const NodeType& papers = dataset.dataset().node_types()[1];
  const std::vector<int64_t> ids = {papers.ids.Id(3), papers.ids.Id(0)};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FeatureRows labels,
                                dataset.GetNodeLabels(ids, "paper"));
  EXPECT_THAT(labels.As<int64_t>(), ElementsAre(ids[0] % 7, ids[1] % 7));
  EXPECT_EQ(labels.columns, 1);
  FakePartitions remote(parts);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const FeatureRows rows,
      dataset.node_features(&remote).Get({299, 0}, "paper"));
  EXPECT_EQ(rows.As<float>()[0], 29'900);
  EXPECT_EQ(rows.As<float>()[5], 0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FeatureRows edges,
                                dataset.edge_features(&remote).Get({5}));
  EXPECT_THAT(edges.As<float>(), ElementsAre(10, 11));

  EXPECT_THAT(DistDataset::Load(root, 3),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(DistDataset::Load(folder_ + "/no_such", 0),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DistDatasetTest, LabelsOfWhatHasNoneAreNotFound) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const DistDataset dataset,
      DistDataset::Create(PapersAndAuthors(), folder_));
  EXPECT_THAT(dataset.GetNodeLabels({1}, "author"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("author")));
  EXPECT_THAT(dataset.GetNodeLabels({1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(dataset.GetNodeLabels({300}, "paper"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("300")));
}

// Parity GL-027.
TEST_F(DistDatasetTest, FeatureBooksAreThoseOfIdsUnlessThereAreOthers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts, Partitions());
  const std::string root = parts.partition(0).directory();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset same,
                                DistDataset::Load(root, 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto* nodes, same.node_pb("paper"));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto* edges, same.edge_pb());
  ASSERT_NE(nodes, nullptr);
  EXPECT_NE(nodes, edges);
  EXPECT_EQ(*same.node_feat_pb("paper"), nodes);
  EXPECT_EQ(*same.edge_feat_pb(kWrites), edges);
  EXPECT_THAT(same.node_pb("venue"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(same.edge_feat_pb("x"),
              StatusIs(absl::StatusCode::kInvalidArgument));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetFolder folder,
                                ReadDatasetFolder(root));
  PartitionsManifest manifest = *folder.partitions;
  for (auto& type : manifest.node_types) type.books.features = type.books.ids;
  for (auto& type : manifest.edge_types) type.books.features = type.books.ids;
  ASSERT_THAT(WriteManifest(root, manifest), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset apart,
                                DistDataset::Load(root, 0));
  EXPECT_NE(*apart.node_feat_pb("paper"), *apart.node_pb("paper"));
  EXPECT_NE(*apart.edge_feat_pb(), *apart.edge_pb());
  EXPECT_EQ((*apart.node_feat_pb("paper"))->num_ids(), 300);
}

// Parity GL-020.
TEST_F(DistDatasetTest, CreateHoldsAWholeGraphThatWasInMemory) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const DistDataset dataset,
      DistDataset::Create(PapersAndAuthors(), folder_));
  EXPECT_EQ(dataset.num_partitions(), 1U);
  EXPECT_EQ(*dataset.node_pb("paper"), nullptr);
  EXPECT_EQ(*dataset.edge_feat_pb(), nullptr);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FeatureRows rows,
                                dataset.node_features().Get({7}, "paper"));
  EXPECT_THAT(rows.As<float>(), ElementsAre(700, 701, 702, 703, 704));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto train,
                                dataset.Split("train", "paper"));
  EXPECT_THAT(train, ElementsAre(0, 5, 9));
}

TEST_F(DistDatasetTest, CreateOfWhatIsWrongLeavesNothing) {
  DatasetContents contents = PapersAndAuthors();
  contents.edges[0].edges[0].first = 2;  // no author
  EXPECT_THAT(DistDataset::Create(contents, folder_),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(fs::is_empty(folder_));
  EXPECT_THAT(DistDataset::Create(PapersAndAuthors(), folder_ + "/no_such"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/no_such")));
}

// Parity GL-026.
TEST_F(DistDatasetTest, HandleCarriesThePartition) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts, Partitions());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const DistDataset dataset,
      DistDataset::Load(parts.partition(0).directory(), 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset mapped,
                                DistDataset::FromIpcHandle(dataset.ShareIpc()));
  EXPECT_EQ(mapped.partition_idx(), 1U);
  EXPECT_EQ(mapped.num_partitions(), 3U);
  EXPECT_EQ(mapped.ShareIpc(), dataset.ShareIpc());
}

// Parity GL-021 to GL-023.
TEST_F(DistDatasetTest, GpuIsUsedAsLoadWasToldOrRefusedWithTheMend) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto whole,
                                WriteWhole(PapersAndAuthors()));
  const auto load = [&whole](const cuda::DeviceOptions& options) {
    return DistDataset::Load(whole->directory(), 0, options);
  };
  // The rest is not looked at.
  const cuda::DeviceOptions on_cpu{.graph_mode = "CPU",
                                   .device = "cuda:3",
                                   .device_group_list = {{3}, {4, 5}}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset, load(on_cpu));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const cuda::Accelerator* none,
                                dataset.accelerator());
  EXPECT_EQ(none, nullptr);
  EXPECT_THAT(load({.graph_mode = "gpu"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("cpu"), HasSubstr("zero_copy"),
                             HasSubstr("cuda"))));
  for (const cuda::DeviceOptions& options :
       {cuda::DeviceOptions{.graph_mode = "cuda"},
        cuda::DeviceOptions{.graph_mode = "ZERO_COPY"},
        cuda::DeviceOptions{.feature_with_gpu = true}}) {
    const auto loaded = load(options);
    if (loaded.ok()) {  // there is a device
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const cuda::Accelerator* accelerator,
                                    loaded->accelerator());
      EXPECT_NE(accelerator, nullptr);
      continue;
    }
    EXPECT_THAT(loaded, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 AnyOf(HasSubstr("--config=cuda"),
                                       HasSubstr("nvidia-smi"))));
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts, Partitions());
  EXPECT_THAT(DistDataset::Load(parts.partition(0).directory(), 0,
                                {.graph_mode = "cuda"}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("3 partitions")));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset mapped,
                                DistDataset::FromIpcHandle(dataset.ShareIpc()));
  EXPECT_EQ(mapped.device_options().graph_mode, on_cpu.graph_mode);
  EXPECT_EQ(mapped.device_options().device, on_cpu.device);
  EXPECT_EQ(mapped.device_options().device_group_list,
            on_cpu.device_group_list);
}

// Parity GL-029.
TEST_F(DistDatasetTest, RandomNodeSplitIsOfThisPartitionAndSeeded) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedDataset parts, Partitions());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      DistDataset dataset,
      DistDataset::Load(parts.partition(0).directory(), 1));
  const NodeType& authors = dataset.dataset().node_types()[0];
  ASSERT_THAT(dataset.RandomNodeSplit(0.25, 5, 7, "author"), IsOk());
  const auto split = [](const DistDataset& of, const char* name) {
    const auto ids = of.Split(name, "author");
    EXPECT_THAT(ids, IsOk());
    return std::vector<int64_t>(ids->begin(), ids->end());
  };
  const auto all_of = [&split](const DistDataset& of) {
    return std::vector<std::vector<int64_t>>{
        split(of, "val"), split(of, "test"), split(of, "train")};
  };
  const auto first = all_of(dataset);
  EXPECT_THAT(first[1], SizeIs(5));
  std::set<int64_t> ids;
  for (const auto& part : first) {
    for (const int64_t id : part) {
      EXPECT_GE(authors.ids.Row(id), 0);
      EXPECT_TRUE(ids.insert(id).second) << id << " is there twice";
    }
  }
  EXPECT_THAT(ids, SizeIs(static_cast<size_t>(authors.num_nodes)));

  ASSERT_THAT(dataset.RandomNodeSplit(0.25, 5, 8, "author"), IsOk());
  EXPECT_NE(all_of(dataset), first);
  ASSERT_THAT(dataset.RandomNodeSplit(0.25, 5, 7, "author"), IsOk());
  EXPECT_EQ(all_of(dataset), first);

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset mapped,
                                DistDataset::FromIpcHandle(dataset.ShareIpc()));
  EXPECT_EQ(all_of(mapped), first);
  // Of other types, splits are as they were.
  EXPECT_THAT(dataset.Split("train", "paper"), IsOk());
}

TEST_F(DistDatasetTest, SplitThatThereIsNoneOfIsNotFound) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      DistDataset dataset, DistDataset::Create(PapersAndAuthors(), folder_));
  EXPECT_THAT(dataset.Split("val", "paper"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("val")));
  EXPECT_THAT(dataset.Split("valid", "paper"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("use train, val or test")));
  EXPECT_THAT(dataset.RandomNodeSplit(301, 0, 1, "paper"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(dataset.RandomNodeSplit(-0.5, 0, 1, "paper"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(dataset.Split("val", "paper"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
