#ifndef FAIRLEAD_TOOLS_QUICKSTART_LOCAL_CLUSTER_H_
#define FAIRLEAD_TOOLS_QUICKSTART_LOCAL_CLUSTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/child_process/service_process.h"

namespace fairlead {

// The three services as processes on this host, with ports and folders of their
// own. Thread-compatible.
class LocalCluster {
 public:
  struct Options {
    std::string runfiles;  // folder with services/... and tools/...
    std::string dataset;   // empty: make WordNet
    int64_t feature_dim = 128;
    uint64_t seed = 0;
    int workers = 1;
  };

  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(
      const Options& options);

  // Stops what still runs, and removes the folders.
  ~LocalCluster();

  const std::string& dataset() const { return dataset_; }
  const std::string& registry() const { return services_[0].address(); }

  // Where everything is, for people.
  std::string Describe() const;

  // Ends the services as an operator would. INTERNAL if one does not end
  // cleanly, or leaves something in shared memory.
  absl::Status Stop();

 private:
  LocalCluster() = default;

  absl::Status MakeDataset(const Options& options);
  absl::Status StartService(const Options& options, const std::string& name,
                            std::vector<std::string> flags);

  std::string folder_;   // temporary: dataset, logs, store
  std::string shm_dir_;  // temporary, in /dev/shm
  std::string dataset_;
  std::vector<ServiceProcess> services_;  // registry, pool, gateway
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_QUICKSTART_LOCAL_CLUSTER_H_
