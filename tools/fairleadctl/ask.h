#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_ASK_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_ASK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

// A service's answer within context.timeout. `whom` names the service and how
// it was found, in the message of an error.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Ask(const CommandContext& context,
                             absl::string_view whom, Stub& stub,
                             grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                          const Request&,
                                                          Response*),
                             const Request& request);

// The same of the registry.
template <typename Request, typename Response>
absl::StatusOr<Response> AskRegistry(
    const CommandContext& context,
    grpc::Status (v1::RegistryService::Stub::*method)(grpc::ClientContext*,
                                                      const Request&,
                                                      Response*),
    const Request& request);

// --- implementation only below -----------------------------------------------

// Says of whom it is, and for what cannot be reached what to do.
absl::Status AnswerStatus(absl::string_view whom, const grpc::Status& status);
void SetDeadline(const CommandContext& context, grpc::ClientContext& call);

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Ask(const CommandContext& context,
                             absl::string_view whom, Stub& stub,
                             grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                          const Request&,
                                                          Response*),
                             const Request& request) {
  grpc::ClientContext call;
  SetDeadline(context, call);
  Response response;
  const grpc::Status status = (stub.*method)(&call, request, &response);
  if (!status.ok()) return AnswerStatus(whom, status);
  return response;
}

template <typename Request, typename Response>
absl::StatusOr<Response> AskRegistry(
    const CommandContext& context,
    grpc::Status (v1::RegistryService::Stub::*method)(grpc::ClientContext*,
                                                      const Request&,
                                                      Response*),
    const Request& request) {
  v1::RegistryService::Stub registry(context.registry);
  return Ask(context, "registry at " + context.registry_address, registry,
             method, request);
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_ASK_H_
