#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/security.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead {

// What a command may be told besides its arguments: flags of main.cc by name.
struct CommandOptions {
  std::string out_file;                    // --out
  std::string gateway;                     // --gateway; empty for all
  std::optional<uint64_t> epoch;           // --epoch
  uint64_t batches = 0;                    // --batches; 0 for all
  std::optional<absl::Duration> interval;  // --interval
  bool once = false;                       // --once
  bool undo = false;                       // --undo
  std::string sort = "share";              // --sort
};

// What every command works with. Commands print to `out` and nowhere else; what
// goes wrong is their status, which main.cc prints and turns into the exit
// code: see ExitCodeOf.
struct CommandContext {
  std::string registry_address;
  std::shared_ptr<rpc::Security> security;  // null: plain text
  v1::RegistryService::Stub& registry;
  // A connection to another service, at the address of a Member.
  std::function<std::shared_ptr<grpc::Channel>(const std::string&)> connect;
  absl::Duration timeout;  // of each call
  bool json = false;       // for programs
  bool terminal = false;   // whether `out` is one: tables are aligned there
  std::ostream& out;
  CommandOptions options;
};

// Whether a command that looks for trouble found some.
enum class CommandOutcome { kFine, kFinding };

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
  return Ask(context, "registry at " + context.registry_address,
             context.registry, method, request);
}

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_
