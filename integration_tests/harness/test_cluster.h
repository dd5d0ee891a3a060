#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {

// Longer than anything here takes on a slow machine; a test that waits so long
// has failed.
inline constexpr absl::Duration kPatience = absl::Minutes(2);

// The path of a program among the test's data: "services/registry/registry".
std::string Program(const std::string& path);

// A new folder for this test alone.
std::string NewFolder();

// A small homogeneous dataset: a Kronecker graph of 2^scale nodes.
absl::StatusOr<std::string> MakeKronecker(int scale);

// Runs one of our programs to its end.
absl::StatusOr<Outcome> RunProgram(const std::string& program,
                                   std::vector<std::string> flags);

// The three services as real processes: loopback, ports of their own, and
// folders that nobody else uses.
class TestCluster {
 public:
  struct Options {
    std::string dataset;
    int workers = 1;
    std::vector<std::string> pool_flags = {};  // on top of the usual ones
  };
  static absl::StatusOr<std::unique_ptr<TestCluster>> Start(
      const Options& options);
  ~TestCluster();

  ServiceProcess& registry() { return services_[0]; }
  ServiceProcess& pool() { return services_[1]; }
  ServiceProcess& gateway() { return services_[2]; }

  // Runs the load tool against this cluster with --json; its JSON, or
  // INTERNAL with what it said.
  absl::StatusOr<nlohmann::json> Load(std::vector<std::string> flags);

  // Ends all three with SIGTERM. INTERNAL if one ends otherwise than with 0,
  // or if anything is left in shared memory.
  absl::Status Stop();

 private:
  TestCluster() = default;

  std::string folder_;
  std::string shm_dir_;
  std::vector<ServiceProcess> services_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_
