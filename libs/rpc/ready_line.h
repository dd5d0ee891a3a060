#ifndef FAIRLEAD_LIBS_RPC_READY_LINE_H_
#define FAIRLEAD_LIBS_RPC_READY_LINE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead::rpc {

// The one line that every service prints on standard output once it serves, so
// that whoever started it on port 0 learns where:
//
//   fairlead-ready service=registry grpc=127.0.0.1:34567
//   metrics=127.0.0.1:34568
struct ReadyLine {
  std::string service;
  std::string grpc;
  std::string metrics;

  std::string ToString() const;

  // NOT_FOUND if `line` is another line.
  static absl::StatusOr<ReadyLine> Parse(absl::string_view line);
};

// Prints it, flushed.
void PrintReadyLine(const ReadyLine& ready);

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_READY_LINE_H_
