#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "integration_tests/harness/place.h"
#include "libs/child_process/child_process.h"
#include "libs/child_process/service_process.h"
#include "nlohmann/json_fwd.hpp"

namespace fairlead::testing {

// How long anything may take that should happen at once: long, since it is
// reached only by what is broken.
inline constexpr absl::Duration kPatience = absl::Minutes(2);

// The path of a program among the test's data: Program("services/registry"),
// Program("libs/loader:example_trainer").
std::string Program(absl::string_view target);

// A new folder that is this test's alone, in TEST_TMPDIR.
std::string NewFolder();

// Runs a program to its end, as RunToEnd.
absl::StatusOr<Outcome> RunProgram(absl::string_view target,
                                   const std::vector<std::string>& arguments);

// A registry alone, with its store in that folder. With the folder and the
// address of one that has ended, it is the same once more.
absl::StatusOr<ServiceProcess> StartRegistry(
    const std::string& folder = NewFolder(),
    const std::string& listen = "127.0.0.1:0");

// Memory of a process that is in RAM now; 0 if there is no such process.
uint64_t ResidentBytes(pid_t pid);

// Whether the tests are to be thorough rather than quick: --config=full.
bool IsFullScale();

// The services as real processes, on free ports, with folders of their own: one
// of each, or as many pools as partitions, or as many storage hosts. What the
// services say on standard error is in `folder()`/*.log.
//
//   auto cluster = TestCluster::Start({.dataset = folder, .workers = 3});
//   auto report = (*cluster)->Load({"--fanout=5,5", "--epochs=2"});
//   EXPECT_THAT((*cluster)->Stop(), IsOk());
class TestCluster {
 public:
  struct Options {
    std::string dataset = {};
    int partitions = 1;  // a pool for each, of ranks from 0 on

    // Each pool has a gateway beside it, and the two a shared memory folder of
    // their own, as on storage hosts. Without, all share one of each.
    bool host_per_partition = false;
    int workers = 2;
    // Registry i, and the services of partition i, are at place i modulo how
    // many there are.
    std::vector<Place> places = {Place()};
    int registries = 1;  // over one --store, which must be in etcd then
    std::vector<std::string> registry_flags = {};  // on top, or in place
    std::vector<std::string> pool_flags = {};      // likewise
    std::vector<std::string> gateway_flags = {};   // likewise
  };

  static absl::StatusOr<std::unique_ptr<TestCluster>> Start(
      const Options& options);

  // Kills what still runs, and leaves no folder in /dev/shm.
  ~TestCluster();

  ServiceProcess& registry() { return services_[0]; }
  ServiceProcess& pool() { return service("pool-0"); }
  ServiceProcess& gateway() { return service("gateway-0"); }

  // Of all registries, as --registry wants them.
  const std::string& registry_addresses() const { return registry_addresses_; }
  // "registry", and "registry-1" if there are two, "pool-0", "gateway-0", then
  // of the other partitions "pool-1",
  // "gateway-1" if it has one, and so on. REQUIRES: there is one of that name.
  size_t IndexOf(absl::string_view name) const;
  ServiceProcess& service(absl::string_view name) {
    return services_[IndexOf(name)];
  }

  // All of them, and their names, in that order.
  std::vector<ServiceProcess>& services() { return services_; }
  const std::vector<std::string>& names() const { return names_; }

  // Kills a service with SIGKILL; returns when it is gone.
  absl::Status Kill(size_t service);
  // Starts one that ended again, as it was and where it was. Returns when it
  // serves.
  absl::Status Restart(size_t service);
  absl::Status KillAndRestart(size_t service);

  // Ends one with SIGTERM; returns when it has. INTERNAL if not with 0.
  absl::Status End(size_t service);

  // A storage host more, with one more pool of a partition and a gateway:
  // "pool-`name`" and "gateway-`name`".
  absl::Status AddHost(int partition, const std::string& name);
  // One more gateway, "gateway-`name`", on the host that was made last.
  absl::Status AddGateway(const std::string& name);

  // Starts another process in a service's place, under its name, on a port of
  // its own. Returns the one that was there, which still runs.
  absl::StatusOr<ServiceProcess> Replace(size_t service);

  const std::string& folder() const { return folder_; }
  const std::string& shm_dir() const { return shm_dirs_[0]; }

  // Runs loadgen against this cluster, to its end.
  absl::StatusOr<Outcome> RunLoadgen(std::vector<std::string> flags);

  // Runs loadgen --json, and returns what it reports; its error if it fails.
  absl::StatusOr<nlohmann::json> Load(std::vector<std::string> flags);

  // Ends all services with SIGTERM. INTERNAL if one does not exit with 0, or
  // if anything is left in their shared memory.
  absl::Status Stop();

  // INTERNAL, naming it, if anything is in their shared memory.
  absl::Status CheckNothingIsLeft() const;

 private:
  explicit TestCluster(const Options& options) : options_(options) {}

  const Place& PlaceOf(int number) const {
    return options_
        .places[static_cast<size_t>(number) % options_.places.size()];
  }
  absl::Status StartService(const std::string& name, const std::string& program,
                            const Place& place,
                            const std::vector<std::string>& flags);
  // What it joins and shares comes first, so that flags of `options_` are in
  // place of it.
  absl::Status StartPool(int partition, const std::string& name,
                         const std::vector<std::string>& more_flags);
  absl::Status StartGateway(int partition, const std::string& name);

  const Options options_;
  std::string registry_addresses_;
  std::string folder_;
  std::vector<std::string> shm_dirs_;  // of each host
  std::vector<std::string> names_;
  std::vector<ServiceProcess> services_;            // likewise
  std::vector<std::vector<std::string>> commands_;  // that started them
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_TEST_CLUSTER_H_
