// Every service answers gRPC's standard health and reflection services, so
// that probes and grpcurl work without files of ours.

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/health.grpc.pb.h"
#include "integration_tests/harness/reflection.grpc.pb.h"
#include "integration_tests/harness/scrape.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Program;
using ::fairlead::testing::Scrape;
using ::fairlead::testing::TestCluster;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

namespace health = grpc::health::v1;
namespace reflection = grpc::reflection::v1alpha;

class Health : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_,
                                  TestCluster::Start({.dataset = dataset}));
  }

  // Of the services, in this order.
  static std::vector<std::string> ServiceNames() {
    return {"fairlead.v1.RegistryService", "fairlead.v1.SamplerPoolService",
            "fairlead.v1.ChannelGatewayService"};
  }

  std::unique_ptr<TestCluster> cluster_;
};

// What a server says of itself, "", or of "readiness".
health::HealthCheckResponse::ServingStatus Check(const std::string& address,
                                                 const std::string& service) {
  const auto stub = health::Health::NewStub(rpc::MakeChannel(address));
  grpc::ClientContext context;
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  EXPECT_TRUE(status.ok()) << address << ": " << status.error_message();
  return response.status();
}

TEST_F(Health, ServicesAreAliveAndReady) {
  for (ServiceProcess& service : cluster_->services()) {
    EXPECT_EQ(Check(service.address(), ""),
              health::HealthCheckResponse::SERVING)
        << service.log();
    EXPECT_EQ(Check(service.address(), "readiness"),
              health::HealthCheckResponse::SERVING)
        << service.log();
  }
}

TEST_F(Health, AMemberThatIsDrainedIsAliveAndNotReady) {
  const auto registry = v1::RegistryService::NewStub(
      rpc::MakeChannel(cluster_->registry().address()));
  for (const auto& [role, member] :
       {std::pair(v1::ROLE_SAMPLER_POOL, &cluster_->pool()),
        std::pair(v1::ROLE_CHANNEL_GATEWAY, &cluster_->gateway())}) {
    SCOPED_TRACE(v1::Role_Name(role));
    v1::ListMembersResponse members;
    {
      grpc::ClientContext context;
      v1::ListMembersRequest request;
      request.set_role(role);
      ASSERT_TRUE(registry->ListMembers(&context, request, &members).ok());
    }
    const std::string name = members.members(0).member_name();
    const auto drain = [&registry, &name](bool draining) {
      grpc::ClientContext context;
      v1::DrainMemberRequest request;
      request.set_member_name(name);
      request.set_draining(draining);
      v1::DrainMemberResponse response;
      return registry->DrainMember(&context, request, &response).ok();
    };
    const auto stub =
        health::Health::NewStub(rpc::MakeChannel(member->address()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         absl::ToChronoSeconds(kPatience));
    health::HealthCheckRequest request;
    request.set_service("readiness");
    const auto watch = stub->Watch(&context, request);
    health::HealthCheckResponse now;
    ASSERT_TRUE(watch->Read(&now));
    EXPECT_EQ(now.status(), health::HealthCheckResponse::SERVING);
    ASSERT_TRUE(drain(true));
    ASSERT_TRUE(watch->Read(&now));  // with the member's next heartbeat
    EXPECT_EQ(now.status(), health::HealthCheckResponse::NOT_SERVING);
    EXPECT_EQ(Check(member->address(), ""),
              health::HealthCheckResponse::SERVING);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto samples,
                                  Scrape(member->metrics_address()));
    EXPECT_THAT(samples, Contains(Pair("fairlead_ready", 0)));
    EXPECT_THAT(samples,
                Contains(Pair("fairlead_not_ready{reason=\"draining\"}", 1)));
    ASSERT_TRUE(drain(false));
    ASSERT_TRUE(watch->Read(&now));
    EXPECT_EQ(now.status(), health::HealthCheckResponse::SERVING);
    context.TryCancel();
  }
}

// A registry that looks at who joins, while they wait for it.
class LookingRegistry final : public v1::RegistryService::Service {
 public:
  using ServingStatus = health::HealthCheckResponse::ServingStatus;

  grpc::Status Join(grpc::ServerContext* /*context*/,
                    const v1::JoinRequest* request,
                    v1::JoinResponse* response) override {
    MutexLock lock(&mutex_);
    address_ = request->address();
    seen_.emplace_back(Check(address_, ""), Check(address_, "readiness"));
    response->set_member_id(1);
    response->mutable_lease()->set_seconds(300);
    return grpc::Status::OK;
  }
  grpc::Status ListAssignments(
      grpc::ServerContext* /*context*/,
      const v1::ListAssignmentsRequest* /*request*/,
      v1::ListAssignmentsResponse* /*response*/) override {
    MutexLock lock(&mutex_);
    seen_.emplace_back(Check(address_, ""), Check(address_, "readiness"));
    return grpc::Status::OK;
  }

  // Of itself, and of "readiness", at each call.
  std::vector<std::pair<ServingStatus, ServingStatus>> seen() {
    MutexLock lock(&mutex_);
    return seen_;
  }

 private:
  Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<ServingStatus, ServingStatus>> seen_
      ABSL_GUARDED_BY(mutex_);
};

TEST(HealthOfMembers, TheyAreAliveAndNotReadyUntilTheyHaveJoinedAndReconciled) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
  const std::string folder = NewFolder();
  LookingRegistry registry;
  // (rpc::Server would bring the reflection service, whose file these tests
  // have too.)
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&registry);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const auto alive_only = Pair(health::HealthCheckResponse::SERVING,
                               health::HealthCheckResponse::NOT_SERVING);
  const std::vector<std::string> flags = {
      absl::StrCat("--registry=127.0.0.1:", port), "--listen=127.0.0.1:0",
      "--metrics_listen=127.0.0.1:0", "--shm_dir=" + folder + "/shm"};
  const auto start = [&](std::vector<std::string> argv) {
    argv.insert(argv.end(), flags.begin(), flags.end());
    return ServiceProcess::Start(argv, folder + "/log", kPatience);
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(ServiceProcess gateway,
                                start({Program("services/channel_gateway")}));
  EXPECT_THAT(registry.seen(), ElementsAre(alive_only));
  EXPECT_EQ(Check(gateway.address(), "readiness"),
            health::HealthCheckResponse::SERVING);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      ServiceProcess pool,
      start({Program("services/sampler_pool"), "--dataset=" + dataset}));
  EXPECT_THAT(registry.seen(), ElementsAre(alive_only, alive_only, alive_only));
  EXPECT_EQ(Check(pool.address(), "readiness"),
            health::HealthCheckResponse::SERVING);
}

TEST_F(Health, SaysNotFoundOfAServiceThatIsNotThere) {
  const auto stub =
      health::Health::NewStub(rpc::MakeChannel(cluster_->registry().address()));
  grpc::ClientContext context;
  health::HealthCheckRequest request;
  request.set_service("no.such.Service");
  health::HealthCheckResponse response;
  EXPECT_EQ(stub->Check(&context, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(Health, ReflectionListsEachServiceAndItsFile) {
  for (size_t i = 0; i < cluster_->services().size(); ++i) {
    const std::string name = ServiceNames()[i];
    const auto stub = reflection::ServerReflection::NewStub(
        rpc::MakeChannel(cluster_->services()[i].address()));
    grpc::ClientContext context;
    const auto stream = stub->ServerReflectionInfo(&context);
    reflection::ServerReflectionRequest request;
    reflection::ServerReflectionResponse response;

    request.set_list_services("");
    ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
    std::vector<std::string> listed;
    for (const auto& service : response.list_services_response().service()) {
      listed.push_back(service.name());
    }
    EXPECT_THAT(listed, Contains(name));
    EXPECT_THAT(listed, Contains("grpc.health.v1.Health"));

    request.set_file_containing_symbol(name);
    ASSERT_TRUE(stream->Write(request) && stream->Read(&response));
    std::vector<std::string> packages;
    for (const std::string& bytes :
         response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      if (file.service_size() > 0) packages.push_back(file.package());
    }
    EXPECT_THAT(packages, Contains("fairlead.v1"));

    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
}

}  // namespace
}  // namespace fairlead
