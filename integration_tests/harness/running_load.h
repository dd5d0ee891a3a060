#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_RUNNING_LOAD_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_RUNNING_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/sync/mutex.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {

// A batch that came to a client of a load.
struct Arrival {
  uint64_t client = 0;
  uint64_t server = 0;
  uint64_t epoch = 0;
  uint64_t attempt = 0;
  uint64_t batch_index = 0;
  std::string digest;
  absl::Duration received;  // RealClock::MonotonicNow()
};

// The digests of batches by what names them: server, epoch, batch_index. Every
// client of a load is owed the same.
using BatchDigests =
    std::map<std::tuple<uint64_t, uint64_t, uint64_t>, std::string>;

// loadgen as a process that runs beside the test, which learns of each batch as
// it comes. One thread of its own, which sleeps while nothing comes.
//
//   auto load = RunningLoad::Start(*cluster, {"--clients=3", "--epochs=4"});
//   while ((*load)->AwaitBatches(10)) ...      // ten more have come
//   auto report = (*load)->Finish();
class RunningLoad {
 public:
  // With a `launcher`, that is run, with loadgen as its last arguments.
  static absl::StatusOr<std::unique_ptr<RunningLoad>> Start(
      TestCluster& cluster, const std::vector<std::string>& flags,
      const std::vector<std::string>& launcher = {});

  // Kills it if it still runs.
  ~RunningLoad();

  // Waits until `more` batches have come since the call. False if it ended
  // before, or nothing at all came for kPatience.
  bool AwaitBatches(size_t more) ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<Arrival> arrivals() ABSL_LOCKS_EXCLUDED(mutex_);

  // SIGSTOP, SIGCONT, SIGKILL.
  void Signal(int signal_number) { process_.Signal(signal_number); }

  // Waits for its end. What it reports, or INTERNAL with what it said if it
  // did not end with 0.
  absl::StatusOr<nlohmann::json> Finish();

  // Nothing, if each of `clients` has been given each batch of `owed` once and
  // nothing else, byte for byte; or what is wrong first. Call it after Finish.
  absl::Status CheckExact(const BatchDigests& owed, uint64_t clients)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What the first client got. Call it after Finish.
  BatchDigests Digests() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  RunningLoad(ChildProcess process, std::string err)
      : process_(std::move(process)), err_(std::move(err)) {}

  void Read() ABSL_LOCKS_EXCLUDED(mutex_);

  ChildProcess process_;
  const std::string err_;  // file
  Mutex mutex_;
  std::vector<Arrival> arrivals_ ABSL_GUARDED_BY(mutex_);
  nlohmann::json report_ ABSL_GUARDED_BY(mutex_);
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_RUNNING_LOAD_H_
