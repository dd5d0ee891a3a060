// Every service answers gRPC's standard health and reflection services, so
// that probes and grpcurl work without files of ours.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/health.grpc.pb.h"
#include "integration_tests/harness/reflection.grpc.pb.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::TestCluster;
using ::testing::Contains;

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

TEST_F(Health, SaysServing) {
  for (ServiceProcess& service : cluster_->services()) {
    const auto stub =
        health::Health::NewStub(rpc::MakeChannel(service.address()));
    grpc::ClientContext context;
    health::HealthCheckResponse response;
    const grpc::Status status = stub->Check(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << service.log() << status.error_message();
    EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  }
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
