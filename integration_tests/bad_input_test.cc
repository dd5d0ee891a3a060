// What people get wrong: each gets one clear line, and nothing crashes.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/graph/npy.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;

constexpr char kPool[] = "services/sampler_pool/sampler_pool";
constexpr char kLoadgen[] = "tools/loadgen/loadgen";

// The program ends with 1 and says so in one line that has `text` in it.
void ExpectRefusal(const std::string& program, std::vector<std::string> flags,
                   const std::string& text) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                RunProgram(program, flags));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(text));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1)
      << outcome.err;
}

// A pool with that dataset, which it must refuse.
void ExpectDatasetRefused(const std::string& dataset, const std::string& text) {
  ExpectRefusal(kPool,
                {absl::StrCat("--dataset=", dataset),
                 absl::StrCat("--shm_dir=", NewFolder()),
                 "--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0",
                 "--registry=127.0.0.1:1", "--connect_timeout=1s"},
                text);
}

TEST(BadDatasetTest, MissingFolder) {
  ExpectDatasetRefused("/no/such/dataset", "/no/such/dataset");
}

TEST(BadDatasetTest, TruncatedFile) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(4));
  const std::string file = dataset + "/features.npy";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  ExpectDatasetRefused(dataset, file);
}

TEST(BadDatasetTest, WrongDType) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(4));
  const std::vector<double> doubles(16 * 16);
  const std::string file = dataset + "/features.npy";
  ASSERT_THAT(WriteNpy<double>(file, "f8", {16, 16}, doubles), IsOk());
  ExpectDatasetRefused(dataset, file);
}

TEST(BadDatasetTest, FeatureRowsAreNotAsManyAsNodes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(4));
  const std::vector<float> floats(15 * 16);
  const std::string file = dataset + "/features.npy";
  ASSERT_THAT(WriteNpy<float>(file, "f4", {15, 16}, floats), IsOk());
  ExpectDatasetRefused(dataset, "15 rows");
}

TEST(BadDatasetTest, EdgeOutOfRange) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(4));
  std::vector<int64_t> indices(16 * 8, 0);
  indices[5] = 16;
  const std::string file = dataset + "/indices.npy";
  ASSERT_THAT(WriteNpy<int64_t>(file, "i8", {16 * 8}, indices), IsOk());
  ExpectDatasetRefused(dataset, "out of range");
}

struct FlagCase {
  std::string name;
  std::string program;
  std::vector<std::string> flags;
  std::string text;

  friend std::ostream& operator<<(std::ostream& os, const FlagCase& c) {
    return os << c.name;
  }
};

class BadFlagTest : public ::testing::TestWithParam<FlagCase> {};

TEST_P(BadFlagTest, IsRefusedInOneLine) {
  ExpectRefusal(GetParam().program, GetParam().flags, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Flags, BadFlagTest,
    ::testing::Values(
        FlagCase{"RegistryUnreachable",
                 kLoadgen,
                 {"--registry=127.0.0.1:1", "--connect_timeout=1s"},
                 "127.0.0.1:1"},
        FlagCase{"FanoutIsNoNumber", kLoadgen, {"--fanout=abc"}, "abc"},
        FlagCase{"BatchSizeZero", kLoadgen, {"--batch_size=0"}, "batch_size"},
        FlagCase{"ListenIsNoAddress",
                 "services/registry/registry",
                 {"--listen=nonsense", "--metrics_listen=127.0.0.1:0",
                  "--store=:memory:"},
                 "--listen=\"nonsense\""}),
    [](const auto& info) { return info.param.name; });

// What only a cluster can refuse.
class BadRequestTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> pool_flags = {}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker(8));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_,
        TestCluster::Start({.dataset = dataset, .pool_flags = pool_flags}));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
};

TEST_F(BadRequestTest, PortInUse) {
  Start();
  ExpectRefusal("services/registry/registry",
                {absl::StrCat("--listen=", cluster_->registry().address()),
                 "--metrics_listen=127.0.0.1:0", "--store=:memory:"},
                cluster_->registry().address());
}

TEST_F(BadRequestTest, UnknownChannel) {
  Start();
  grpc::ClientContext context;
  v1::StartEpochRequest request;
  request.set_channel_id(77);
  v1::StartEpochResponse response;
  EXPECT_THAT(
      rpc::ToAbslStatus(registry_->StartEpoch(&context, request, &response)),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("channel 77")));
}

TEST_F(BadRequestTest, SeedIdOutOfRange) {
  Start();
  grpc::ClientContext join_context;
  v1::JoinRequest join;
  join.set_member_name("trainer");
  join.set_role(v1::ROLE_TRAINER);
  v1::JoinResponse joined;
  ASSERT_TRUE(registry_->Join(&join_context, join, &joined).ok());
  grpc::ClientContext init_context;
  v1::InitSamplingBackendRequest init;
  init.set_member_id(joined.member_id());
  init.set_backend_key("b");
  v1::InitSamplingBackendResponse backend;
  ASSERT_TRUE(
      registry_->InitSamplingBackend(&init_context, init, &backend).ok());

  grpc::ClientContext context;
  v1::RegisterSamplingInputRequest request;
  request.set_member_id(joined.member_id());
  request.set_backend_id(backend.backend_id());
  request.set_worker_key("w");
  request.mutable_input()->mutable_ids()->add_id(256);
  request.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
  request.mutable_config()->set_batch_size(1);
  v1::RegisterSamplingInputResponse response;
  EXPECT_THAT(rpc::ToAbslStatus(registry_->RegisterSamplingInput(
                  &context, request, &response)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("256")));
}

TEST_F(BadRequestTest, BudgetSmallerThanAMessage) {
  Start({"--shm_budget=4096"});
  ExpectRefusal(kLoadgen,
                {absl::StrCat("--registry=", cluster_->registry().address()),
                 "--batch_size=64", "--fanout=3"},
                "--shm_budget");
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
