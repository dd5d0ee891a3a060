#ifndef FAIRLEAD_TOOLS_BENCH_BENCH_CLUSTER_H_
#define FAIRLEAD_TOOLS_BENCH_BENCH_CLUSTER_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/child_process/service_process.h"

namespace fairlead::bench {

// Where the programs under test are, and what they need.
struct Programs {
  std::string root;  // with services/..., tools/... as Bazel lays them out

  std::string Path(const std::string& target) const {
    return root + "/" + target;
  }
};

// The three services as processes on this host, with ports and folders of their
// own, which go with it. Thread-compatible.
class BenchCluster {
 public:
  struct Options {
    std::string dataset;
    std::string folder;   // for logs; made
    std::string shm_dir;  // on a tmpfs; made
    int workers = 1;
    std::vector<std::string> pool_flags = {};
  };

  static absl::StatusOr<std::unique_ptr<BenchCluster>> Start(
      const Programs& programs, const Options& options);
  ~BenchCluster();

  const std::string& registry() const { return services_[0].second.address(); }
  const std::string& pool_metrics() const {
    return services_[1].second.metrics_address();
  }

  // "registry", "pool", "gateway", by name.
  std::map<std::string, pid_t> pids();

  // How long the pool took until it served.
  absl::Duration pool_start() const { return pool_start_; }

 private:
  BenchCluster() = default;
  absl::Status Add(const Programs& programs, const std::string& name,
                   const std::string& program, const Options& options,
                   const std::vector<std::string>& flags);

  std::string shm_dir_;
  absl::Duration pool_start_;
  std::vector<std::pair<std::string, ServiceProcess>> services_;
};

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_BENCH_CLUSTER_H_
