#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace fairlead::rpc {
class Security;
}

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
  std::shared_ptr<grpc::Channel> registry;
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

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_COMMAND_CONTEXT_H_
