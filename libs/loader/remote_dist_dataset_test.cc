// Whether the servers of a dataset fit together is found out before anything is
// asked of it (parity DS-63).

#include "libs/loader/remote_dist_dataset.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/rpc/server.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A partition of a dataset of papers, as its pool describes it.
v1::GetDatasetMetaResponse Papers(uint32_t partition) {
  v1::GetDatasetMetaResponse meta;
  meta.set_dataset_name("papers");
  meta.set_num_partitions(2);
  meta.set_partition(partition);
  meta.set_edge_dir(v1::EDGE_DIR_OUT);
  v1::NodeTypeMeta& type = *meta.add_node_types();
  type.set_name("paper");
  type.set_nodes(10 + partition);  // its own
  type.set_id_end(21);
  type.mutable_features()->set_dtype(v1::DTYPE_FLOAT32);
  type.mutable_features()->set_columns(16);
  type.mutable_features()->set_rows(10 + partition);
  return meta;
}

class FakePool final : private v1::GraphStoreService::Service {
 public:
  explicit FakePool(v1::GetDatasetMetaResponse meta) : meta_(std::move(meta)) {
    server_ = rpc::Server::Start({.listen = "127.0.0.1:0"}, {this}).value();
  }
  const v1::GetDatasetMetaResponse& meta() const { return meta_; }
  const std::string& address() const { return server_->address(); }

 private:
  grpc::Status GetDatasetMeta(grpc::ServerContext* /*context*/,
                              const v1::GetDatasetMetaRequest* /*request*/,
                              v1::GetDatasetMetaResponse* response) override {
    *response = meta_;
    return grpc::Status::OK;
  }

  const v1::GetDatasetMetaResponse meta_;
  std::unique_ptr<rpc::Server> server_;
};

// A registry that knows pools of these partitions.
class FakeRegistry final : private v1::RegistryService::Service {
 public:
  explicit FakeRegistry(const std::vector<v1::GetDatasetMetaResponse>& metas) {
    for (const v1::GetDatasetMetaResponse& meta : metas) {
      pools_.emplace_back(meta);
    }
    server_ = rpc::Server::Start({.listen = "127.0.0.1:0"}, {this}).value();
  }

  const std::string& pool(size_t i) const { return pools_[i].address(); }

  absl::StatusOr<std::unique_ptr<RemoteDistDataset>> Connect(
      const std::string& dataset_name = "") const {
    return RemoteDistDataset::Connect(
        {.registry = server_->address(), .dataset_name = dataset_name});
  }

 private:
  grpc::Status ListMembers(grpc::ServerContext* /*context*/,
                           const v1::ListMembersRequest* /*request*/,
                           v1::ListMembersResponse* response) override {
    for (const FakePool& pool : pools_) {
      v1::Member& member = *response->add_members();
      member.set_role(v1::ROLE_SAMPLER_POOL);
      member.set_address(pool.address());
      v1::DatasetPartition& served = *member.mutable_dataset();
      served.set_name(pool.meta().dataset_name());
      served.set_partition(pool.meta().partition());
      served.set_num_partitions(pool.meta().num_partitions());
    }
    return grpc::Status::OK;
  }

  std::deque<FakePool> pools_;
  std::unique_ptr<rpc::Server> server_;
};

TEST(RemoteDistDataset, ServersThatAgreeAreOneDatasetInTheOrderOfPartitions) {
  const FakeRegistry registry({Papers(1), Papers(0)});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, registry.Connect());
  ASSERT_EQ(dataset->num_servers(), 2u);
  EXPECT_EQ(dataset->partition(0), 0u);
  EXPECT_EQ(dataset->partition(1), 1u);
  EXPECT_THAT(dataset->node_types(), ElementsAre("paper"));
  EXPECT_EQ(dataset->node_feature_info().at("paper").columns(), 16u);
}

TEST(RemoteDistDataset, ServersThatContradictEachOtherAreBothNamed) {
  for (const bool in_types : {false, true}) {
    v1::GetDatasetMetaResponse other = Papers(1);
    if (in_types) {
      other.mutable_node_types(0)->mutable_features()->set_columns(17);
    } else {
      other.set_edge_dir(v1::EDGE_DIR_IN);
    }
    const FakeRegistry registry({Papers(0), other});
    EXPECT_THAT(
        registry.Connect(),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr(registry.pool(0)), HasSubstr(registry.pool(1)),
                       HasSubstr("papers differently"))));
  }
}

TEST(RemoteDistDataset, PartitionThatNobodyServesIsNamed) {
  EXPECT_THAT(FakeRegistry({Papers(0)}).Connect(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no sampler pool serves partition 1 of 2")));
  EXPECT_THAT(FakeRegistry({}).Connect(),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("knows no sampler pool")));
}

TEST(RemoteDistDataset, OneOfSeveralDatasetsMustBeNamed) {
  v1::GetDatasetMetaResponse films = Papers(0);
  films.set_dataset_name("films");
  films.set_num_partitions(1);
  const FakeRegistry registry({Papers(0), films, Papers(1)});
  EXPECT_THAT(registry.Connect(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("several datasets, films, papers")));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto dataset, registry.Connect("films"));
  EXPECT_EQ(dataset->num_servers(), 1u);
  EXPECT_THAT(registry.Connect("songs"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no sampler pool of dataset songs")));
}

TEST(RemoteDistDataset, RegistryThatIsNotThereIsNamedInTime) {
  EXPECT_THAT(RemoteDistDataset::Connect({.registry = "127.0.0.1:1",
                                          .timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("registry at 127.0.0.1:1"),
                             HasSubstr("within 50ms"))));
}

}  // namespace
}  // namespace fairlead
