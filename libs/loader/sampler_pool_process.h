#ifndef FAIRLEAD_LIBS_LOADER_SAMPLER_POOL_PROCESS_H_
#define FAIRLEAD_LIBS_LOADER_SAMPLER_POOL_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/child_process/service_process.h"
#include "libs/sync/mutex.h"

namespace grpc {
class Channel;
}

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// The program to start: `wanted`, or else $FAIRLEAD_SAMPLER_POOL, or else one
// next to this process's program or in its runfiles. NOT_FOUND, naming the
// mend and where was looked.
absl::StatusOr<std::string> FindSamplerPool(const std::string& wanted);

// A sampler pool that serves this process alone and ends with it. Thread-safe.
class SamplerPoolProcess {
 public:
  // Starts argv[0], and waits until it serves: over TLS if `security` has a
  // certificate, which the pool then shows, too. (A token is for clients
  // alone.) What it says goes to the file `log`. Errors as
  // ServiceProcess::Start.
  static absl::StatusOr<std::unique_ptr<SamplerPoolProcess>> Start(
      const std::vector<std::string>& argv,
      const std::shared_ptr<rpc::Security>& security, const std::string& log,
      absl::Duration timeout);

  // Ends it with SIGTERM, or after five seconds with SIGKILL (GL-094).
  ~SamplerPoolProcess();

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  pid_t pid() const { return pid_; }

 private:
  SamplerPoolProcess() = default;

  // Of a thread that lives as long as the process does: the kernel takes the
  // end of the thread that started it for the end of its parent.
  void Run(const std::vector<std::string>& argv, const std::string& log,
           absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

  Mutex mutex_;
  std::optional<absl::Status> started_ ABSL_GUARDED_BY(mutex_);
  std::string address_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  pid_t pid_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_SAMPLER_POOL_PROCESS_H_
