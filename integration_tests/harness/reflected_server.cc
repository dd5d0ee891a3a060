#include "integration_tests/harness/reflected_server.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "integration_tests/harness/reflection.grpc.pb.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"

namespace fairlead::testing {
namespace {

namespace reflection = grpc::reflection::v1alpha;

// Also of calls that would wait longer.
constexpr absl::Duration kDeadline = absl::Seconds(5);

}  // namespace

absl::Status ReflectedServer::Ask(
    const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = reflection::ServerReflection::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  const auto stream = stub->ServerReflectionInfo(&context);
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  reflection::ServerReflectionResponse listed;
  if (!stream->Write(request) || !stream->Read(&listed)) {
    return rpc::ToAbslStatus(stream->Finish());
  }
  for (const auto& service : listed.list_services_response().service()) {
    request.set_file_containing_symbol(service.name());
    reflection::ServerReflectionResponse response;
    if (!stream->Write(request) || !stream->Read(&response)) {
      return rpc::ToAbslStatus(stream->Finish());
    }
    for (const std::string& bytes :
         response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      if (!file.ParseFromString(bytes)) {
        return absl::InternalError("reflection: no file descriptor");
      }
      files_[file.name()] = file;
    }
  }
  stream->WritesDone();
  FAIRLEAD_RETURN_IF_ERROR(rpc::ToAbslStatus(stream->Finish()));
  for (const auto& [name, file] : files_) Build(name);
  for (const auto& service : listed.list_services_response().service()) {
    const auto* found = pool_.FindServiceByName(service.name());
    // (The health service has no file that a server could tell of.)
    if (found == nullptr) {
      found =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
              service.name());
    }
    if (found == nullptr) {
      return absl::InternalError(
          absl::StrCat("reflection: has no ", service.name()));
    }
    for (int i = 0; i < found->method_count(); ++i) {
      const auto* method = found->method(i);
      methods_.push_back(
          {.path = absl::StrCat("/", service.name(), "/", method->name()),
           .input = method->input_type(),
           .sends_stream = method->client_streaming()});
    }
  }
  return absl::OkStatus();
}

void ReflectedServer::Build(const std::string& name) {
  if (!files_.contains(name) || pool_.FindFileByName(name) != nullptr) return;
  for (const std::string& import : files_[name].dependency()) Build(import);
  pool_.BuildFile(files_[name]);
}

grpc::Status SendBytes(grpc::GenericStub& stub,
                       const ReflectedServer::Method& method,
                       const std::string& bytes) {
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  void* tag = nullptr;
  const auto call = stub.PrepareCall(&context, method.path, &queue);
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(bytes);
  if (ok) {
    call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, nullptr);
    queue.Next(&tag, &ok);
  }
  bool cancelled = false;
  for (int answers = 0; ok; ++answers) {
    if (answers == 1) {
      cancelled = true;
      context.TryCancel();
    }
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    queue.Next(&tag, &ok);
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return cancelled ? grpc::Status::OK : status;
}

}  // namespace fairlead::testing
