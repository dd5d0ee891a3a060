// What people get wrong, each with one clear line and exit code 1, or a gRPC
// status; never a crash, and never a service that stops serving others.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/bare_trainer.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/sample_stream.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/channel_gateway.grpc.pb.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BareTrainer;
using ::fairlead::testing::Call;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::MakeLibrary;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

// Exit code 1, and one line on standard error.
MATCHER_P(FailsSaying, text_matcher, "") {
  *result_listener << "exit code " << arg.exit_code << ", err: " << arg.err;
  return arg.exit_code == 1 &&
         std::count(arg.err.begin(), arg.err.end(), '\n') == 1 &&
         ::testing::Matches(AllOf(EndsWith("\n"), text_matcher))(arg.err);
}

// A loopback port that is taken for this object's life. Nothing listens: who
// connects is refused.
class TakenPort {
 public:
  TakenPort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(name);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&name), length), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &length),
              0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(name.sin_port));
  }
  ~TakenPort() { close(socket_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;

  const std::string& address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

// --- datasets
// ------------------------------------------------------------------

struct BadDataset {
  std::string name;
  // What is done to the library of MakeLibrary, and what is said of it.
  std::function<void(const std::string& folder, const DatasetManifest&)> spoil;
  std::vector<std::string> says;

  friend std::ostream& operator<<(std::ostream& out, const BadDataset& bad) {
    return out << bad.name;
  }
};

class BadDatasetTest : public ::testing::TestWithParam<BadDataset> {};

// The manifest's entry for papers, and for citations.
const NodeTypeManifest& Paper(const DatasetManifest& manifest) {
  return *std::find_if(manifest.node_types.begin(), manifest.node_types.end(),
                       [](const auto& type) { return type.name == "paper"; });
}
const EdgeTypeManifest& Cites(const DatasetManifest& manifest) {
  return *std::find_if(
      manifest.edge_types.begin(), manifest.edge_types.end(),
      [](const auto& type) { return type.name.relation == "cites"; });
}

void RewriteIds(const std::string& path,
                const std::function<void(std::vector<int64_t>&)>& change) {
  std::vector<int64_t> ids;
  {
    const auto file = NpyFile::Open(path);
    ASSERT_THAT(file, IsOk());
    // Written as narrow as they fit.
    if (file->dtype() == "u4") {
      const auto span = file->As<uint32_t>();
      ids.assign(span.begin(), span.end());
    } else {
      const auto span = file->As<int64_t>();
      ids.assign(span.begin(), span.end());
    }
  }
  change(ids);
  ASSERT_THAT(
      WriteNpy<int64_t>(path, "i8", {static_cast<int64_t>(ids.size())}, ids),
      IsOk());
}

TEST_P(BadDatasetTest, StopsTheSamplerPoolWithOneLine) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest,
                                ReadManifest(dataset));
  GetParam().spoil(dataset, manifest);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunProgram("services/sampler_pool",
                 {absl::StrCat("--dataset=", dataset), "--listen=127.0.0.1:0",
                  "--metrics_listen=127.0.0.1:0",
                  absl::StrCat("--shm_dir=", NewFolder())}));
  for (const std::string& text : GetParam().says) {
    EXPECT_THAT(outcome, FailsSaying(HasSubstr(text)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    BadInput, BadDatasetTest,
    ::testing::Values(
        BadDataset{"MissingDataset",
                   [](const std::string& folder, const DatasetManifest&) {
                     std::filesystem::remove_all(folder);
                   },
                   {"sampler_pool: NOT_FOUND", "dataset.json"}},
        BadDataset{"MissingFile",
                   [](const std::string& folder, const DatasetManifest& all) {
                     std::filesystem::remove(folder + "/" + Paper(all).labels);
                   },
                   {"NOT_FOUND", "paper.labels.npy"}},
        BadDataset{"TruncatedNpy",
                   [](const std::string& folder, const DatasetManifest& all) {
                     const std::string file =
                         folder + "/" + Paper(all).features->file;
                     std::filesystem::resize_file(
                         file, std::filesystem::file_size(file) - 1);
                   },
                   {"INVALID_ARGUMENT", "paper.features.npy", "truncated"}},
        BadDataset{"EmptyNpy",
                   [](const std::string& folder, const DatasetManifest& all) {
                     std::filesystem::resize_file(
                         folder + "/" + Cites(all).out->indptr, 0);
                   },
                   {"INVALID_ARGUMENT", "indptr.npy"}},
        BadDataset{"WrongDtype",
                   [](const std::string& folder, const DatasetManifest& all) {
                     const std::vector<double> features(600 * 8);
                     ASSERT_THAT(WriteNpy<double>(
                                     folder + "/" + Paper(all).features->file,
                                     "f8", {600, 8}, features),
                                 IsOk());
                   },
                   {"INVALID_ARGUMENT", "paper.features.npy", "float32", "f8"}},
        BadDataset{
            "FeatureRowsThatAreNotTheNodes",
            [](const std::string& folder, const DatasetManifest& all) {
              const std::vector<float> features(599 * 8);
              ASSERT_THAT(
                  WriteNpy<float>(folder + "/" + Paper(all).features->file,
                                  "f4", {599, 8}, features),
                  IsOk());
            },
            {"INVALID_ARGUMENT", "paper.features.npy", "599 rows", "600"}},
        BadDataset{
            "EdgeOutOfRange",
            [](const std::string& folder, const DatasetManifest& all) {
              RewriteIds(folder + "/" + Cites(all).out->indices,
                         [](auto& ids) { ids[5] = 600; });
            },
            {"INVALID_ARGUMENT", "indices.npy", "[5] is 600", "ids below 600"}},
        BadDataset{"NegativeEdge",
                   [](const std::string& folder, const DatasetManifest& all) {
                     RewriteIds(folder + "/" + Cites(all).out->indices,
                                [](auto& ids) { ids[5] = -1; });
                   },
                   {"INVALID_ARGUMENT", "indices.npy", "[5] is -1"}},
        BadDataset{"SplitOutOfRange",
                   [](const std::string& folder, const DatasetManifest& all) {
                     RewriteIds(folder + "/" + Paper(all).train,
                                [](auto& ids) { ids[0] = 1 << 20; });
                   },
                   {"INVALID_ARGUMENT", "paper.train.npy", "[0] is 1048576"}}),
    [](const auto& param_info) { return param_info.param.name; });

// --- flags of services
// ---------------------------------------------------------

TEST(BadInput, NoDatasetAtAllSaysHowToMakeOne) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunProgram("services/sampler_pool",
                 {absl::StrCat("--shm_dir=", NewFolder())}));
  EXPECT_THAT(outcome, FailsSaying(AllOf(HasSubstr("--dataset"),
                                         HasSubstr("//tools/dataset"))));
}

TEST(BadInput, PortInUseNamesTheAddress) {
  const TakenPort taken;
  const std::string store = absl::StrCat("--store=", NewFolder(), "/store.db");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome grpc_port,
      RunProgram("services/registry",
                 {store, absl::StrCat("--listen=", taken.address()),
                  "--metrics_listen=127.0.0.1:0"}));
  EXPECT_THAT(grpc_port, FailsSaying(AllOf(HasSubstr("registry: UNAVAILABLE"),
                                           HasSubstr(taken.address()))));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome metrics_port,
      RunProgram("services/registry",
                 {store, "--listen=127.0.0.1:0",
                  absl::StrCat("--metrics_listen=", taken.address())}));
  EXPECT_THAT(metrics_port,
              FailsSaying(AllOf(HasSubstr("registry: UNAVAILABLE"),
                                HasSubstr(taken.address()))));
}

TEST(BadInput, UnreachableRegistryIsNamed) {
  const TakenPort nobody;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  const std::vector<std::string> flags = {
      absl::StrCat("--registry=", nobody.address()), "--connect_timeout=50ms"};
  std::vector<std::string> service_flags = flags;
  for (const std::string& flag : {std::string("--listen=127.0.0.1:0"),
                                  std::string("--metrics_listen=127.0.0.1:0"),
                                  absl::StrCat("--shm_dir=", NewFolder())}) {
    service_flags.push_back(flag);
  }
  const auto says_so =
      FailsSaying(AllOf(HasSubstr("UNAVAILABLE"), HasSubstr(nobody.address())));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome gateway,
      RunProgram("services/channel_gateway", service_flags));
  EXPECT_THAT(gateway, says_so);
  service_flags.push_back(absl::StrCat("--dataset=", dataset));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome pool, RunProgram("services/sampler_pool", service_flags));
  EXPECT_THAT(pool, says_so);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome trainer,
                                RunProgram("tools/loadgen", flags));
  EXPECT_THAT(trainer, says_so);
}

TEST(BadInput, UnknownFlagsAndValuesAreNamed) {
  for (const char* flag : {"--no_such_flag=1", "--max_members=many"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome,
                                  RunProgram("services/registry", {flag}));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr(absl::string_view(flag).substr(2, 8)));
  }
}

// Never the CPU in its place, and no crash. (Where there is a GPU, the registry
// is what is missing.)
TEST(BadInput, GpuThatIsNotThereIsSaidWithTheMend) {
  const TakenPort nobody;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  const auto run = [&](const char* flag) {
    return RunProgram(
        "services/sampler_pool",
        {absl::StrCat("--dataset=", dataset), flag, "--listen=127.0.0.1:0",
         "--metrics_listen=127.0.0.1:0",
         absl::StrCat("--registry=", nobody.address()),
         "--connect_timeout=50ms", absl::StrCat("--shm_dir=", NewFolder())});
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome unknown, run("--graph_mode=gpu"));
  EXPECT_THAT(unknown, FailsSaying(AllOf(HasSubstr("graph_mode: \"gpu\""),
                                         HasSubstr("cpu, zero_copy"))));
  for (const char* flag :
       {"--graph_mode=cuda", "--graph_mode=zero_copy", "--feature_with_gpu"}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Outcome outcome, run(flag));
    EXPECT_THAT(
        outcome,
        FailsSaying(AnyOf(
            AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("--config=cuda")),
            AllOf(HasSubstr("FAILED_PRECONDITION"), HasSubstr("nvidia-smi")),
            HasSubstr(nobody.address()))));
  }
}

// --- a trainer's requests
// ------------------------------------------------------

class BadRequest : public ::testing::Test {
 protected:
  void Start(TestCluster::Options options) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    registry_ = v1::RegistryService::NewStub(
        rpc::MakeChannel(cluster_->registry().address()));
    gateway_ = v1::ChannelGatewayService::NewStub(
        rpc::MakeChannel(cluster_->gateway().address()));
  }

  void TearDown() override {
    // Whatever was asked, all of them live and end as they should.
    if (cluster_ == nullptr) return;
    registry_.reset();  // or the services would wait for us to hang up
    gateway_.reset();
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  Outcome Loadgen(const std::vector<std::string>& flags) {
    auto outcome = cluster_->RunLoadgen(flags);
    EXPECT_THAT(outcome, IsOk());
    return outcome.ok() ? *outcome : Outcome();
  }

  // What one batch of `channel_id` is answered with.
  absl::Status Fetch(uint64_t channel_id) {
    grpc::ClientContext context;
    v1::FetchMessageRequest request;
    request.set_channel_id(channel_id);
    request.mutable_wait()->set_seconds(absl::ToInt64Seconds(kPatience));
    v1::FetchMessageResponse response;
    return rpc::ToAbslStatus(gateway_->Fetch(&context, request, &response));
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
  std::unique_ptr<v1::ChannelGatewayService::Stub> gateway_;
};

TEST_F(BadRequest, OfATrainerIsOneLineAndTheNextTrainerIsServed) {
  Start({});
  EXPECT_THAT(Loadgen({"--batch_size=0"}),
              FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"),
                                HasSubstr("batch_size"))));
  EXPECT_THAT(
      Loadgen({"--fanout=abc"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("abc"))));
  EXPECT_THAT(
      Loadgen({"--fanout=5,-2"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("-2"))));
  EXPECT_THAT(Loadgen({"--ids=3,1024"}),
              FailsSaying(AllOf(HasSubstr("OUT_OF_RANGE"), HasSubstr("1024"),
                                HasSubstr("0 to 1023"))));
  EXPECT_THAT(
      Loadgen({"--ids=-1"}),
      FailsSaying(AllOf(HasSubstr("OUT_OF_RANGE"), HasSubstr("ids: -1"))));
  EXPECT_THAT(Loadgen({"--node_type=paper"}),
              FailsSaying(AllOf(HasSubstr("NOT_FOUND"), HasSubstr("paper"))));
  EXPECT_THAT(
      Loadgen({"--split=holdout"}),
      FailsSaying(AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("holdout"))));
  EXPECT_THAT(Loadgen({"--clients=0"}), FailsSaying(HasSubstr("clients")));

  EXPECT_THAT(cluster_->Load({"--fanout=5,3"}), IsOk());
}

TEST_F(BadRequest, OfAnUnknownChannelIsNotFoundEverywhere) {
  Start({});
  constexpr uint64_t kUnknown = 987654;
  const auto not_found =
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("channel 987654"));
  EXPECT_THAT(Fetch(kUnknown), not_found);
  {
    grpc::ClientContext context;
    const auto stream = gateway_->Receive(&context);
    v1::ReceiveRequest request;
    request.mutable_subscribe()->set_channel_id(kUnknown);
    request.mutable_subscribe()->mutable_credit()->set_messages(1);
    request.mutable_subscribe()->mutable_credit()->set_bytes(1);
    stream->Write(request);
    v1::ReceiveResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_THAT(rpc::ToAbslStatus(stream->Finish()), not_found);
  }
  using Stub = v1::RegistryService::Stub;
  v1::StartEpochRequest start;
  start.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::StartEpoch, start), not_found);
  v1::DescribeChannelRequest describe;
  describe.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::DescribeChannel, describe), not_found);
  v1::DestroySamplingInputRequest destroy;
  destroy.set_channel_id(kUnknown);
  EXPECT_THAT(Call(*registry_, &Stub::DestroySamplingInput, destroy),
              not_found);
}

TEST_F(BadRequest, PastTheCommandLineIsInvalidArgument) {
  Start({});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const BareTrainer trainer,
                                BareTrainer::Join(*registry_));
  const v1::RegisterSamplingInputRequest good = trainer.Input();
  const auto register_input =
      [this](const v1::RegisterSamplingInputRequest& request) {
        return Call(*registry_,
                    &v1::RegistryService::Stub::RegisterSamplingInput, request);
      };

  v1::RegisterSamplingInputRequest bad = good;
  bad.mutable_config()->set_batch_size(0);
  EXPECT_THAT(register_input(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("batch_size")));
  bad = good;
  bad.mutable_config()->set_fanout(0, -7);
  EXPECT_THAT(register_input(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("fanout")));
  bad = good;
  bad.mutable_config()->set_type(v1::SAMPLING_TYPE_UNSPECIFIED);
  EXPECT_THAT(register_input(bad),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("type")));
  bad = good;
  bad.mutable_input()->mutable_ids()->add_id(1024);
  EXPECT_THAT(register_input(bad),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("1024")));
  EXPECT_THAT(register_input(good), IsOk());
}

TEST_F(BadRequest, ThatDoesNotFitThePoolsBudgetNamesTheFlag) {
  Start({.pool_flags = {"--shm_budget=4KB"}});
  EXPECT_THAT(Loadgen({}), FailsSaying(AllOf(HasSubstr("RESOURCE_EXHAUSTED"),
                                             HasSubstr("--shm_budget"))));
}

TEST_F(BadRequest, ThatDoesNotFitTheGatewaysBudgetNamesTheFlag) {
  Start({.gateway_flags = {"--shm_budget=4KB"}});
  EXPECT_THAT(Loadgen({}), FailsSaying(AllOf(HasSubstr("RESOURCE_EXHAUSTED"),
                                             HasSubstr("--shm_budget"))));
}

TEST_F(BadRequest, ForBatchesLargerThanTheirBufferFailsBatchByBatch) {
  Start({});
  NeighborLoaderOptions options;
  options.registry = cluster_->registry().address();
  options.fanout = {5, 3};
  options.batch_size = 256;
  options.backend.set_buffer_bytes(4096);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                SampleStream::Create(options));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  for (int batch = 0; batch < 3; ++batch) {
    EXPECT_THAT(stream->Next().status(),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         HasSubstr("buffer_bytes")));
  }
  EXPECT_THAT(stream->Next(), IsOkAndHolds(::testing::Eq(std::nullopt)));
  EXPECT_EQ(stream->stats().failed, 3);
}

}  // namespace
}  // namespace fairlead
