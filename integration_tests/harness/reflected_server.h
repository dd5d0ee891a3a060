#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_REFLECTED_SERVER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_REFLECTED_SERVER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"

namespace fairlead::testing {

// All that gRPC's reflection tells of a server.
class ReflectedServer {
 public:
  struct Method {
    std::string path;  // "/fairlead.v1.RegistryService/Join"
    // The server's own, which lives as long as this.
    const google::protobuf::Descriptor* input = nullptr;
    bool sends_stream = false;
  };

  absl::Status Ask(const std::shared_ptr<grpc::Channel>& channel);

  // What Ask() has found.
  const std::vector<Method>& methods() const { return methods_; }

 private:
  // A file after those that it imports.
  void Build(const std::string& name);

  std::map<std::string, google::protobuf::FileDescriptorProto> files_;
  google::protobuf::DescriptorPool pool_;
  std::vector<Method> methods_;
};

// Sends one request, which may be no message at all, and waits until the call
// ends, or for the first answer: some streams have no end.
grpc::Status SendBytes(grpc::GenericStub& stub,
                       const ReflectedServer::Method& method,
                       const std::string& bytes);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_REFLECTED_SERVER_H_
