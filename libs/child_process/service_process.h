#ifndef FAIRLEAD_LIBS_CHILD_PROCESS_SERVICE_PROCESS_H_
#define FAIRLEAD_LIBS_CHILD_PROCESS_SERVICE_PROCESS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/rpc/ready_line.h"

namespace fairlead {

// A service of ours as a child process that serves: started, and its addresses
// known. Thread-compatible.
class ServiceProcess {
 public:
  // Starts it, and waits for its ready line (libs/rpc/ready_line.h). If it ends
  // before that, UNAVAILABLE with the last of what it said on standard error,
  // which goes to `log`.
  static absl::StatusOr<ServiceProcess> Start(
      const std::vector<std::string>& argv, const std::string& log,
      absl::Duration timeout);

  const std::string& address() const { return ready_.grpc; }
  const std::string& metrics_address() const { return ready_.metrics; }
  const std::string& log() const { return log_; }
  ChildProcess& process() { return process_; }

 private:
  ServiceProcess(ChildProcess process, rpc::ReadyLine ready, std::string log)
      : process_(std::move(process)),
        ready_(std::move(ready)),
        log_(std::move(log)) {}

  ChildProcess process_;
  rpc::ReadyLine ready_;
  std::string log_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_CHILD_PROCESS_SERVICE_PROCESS_H_
