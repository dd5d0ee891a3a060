#ifndef FAIRLEAD_TOOLS_LOADGEN_LOAD_H_
#define FAIRLEAD_TOOLS_LOADGEN_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/telemetry/telemetry.h"

namespace fairlead {

// A batch that a client was given.
struct LoadedBatch {
  uint64_t client = 0;  // from 0
  size_t server = 0;    // local index
  uint64_t epoch = 0;
  uint32_t attempt = 0;
  uint64_t batch_index = 0;
  uint64_t digest = 0;      // ContentDigest
  absl::Duration received;  // off the wire, on this host's monotonic clock

  // One object in one line.
  std::string ToJson() const;
};

struct LoadOptions {
  SampleStreamOptions loader = {};  // of each client, but for its names

  // Trainers, each a thread with a membership, a channel and a stream of its
  // own. Each asks for all of the seeds.
  uint64_t clients = 1;
  std::string name = {};  // they are NAME-0, NAME-1, ...; made up if empty
  uint64_t epochs = 1;
  uint64_t max_batches = 0;  // after which each client stops; 0: none
  absl::Duration step_time;  // that a client takes for each batch, besides

  // Asked by each client before each batch: true ends it, as max_batches does.
  // Any thread.
  std::function<bool()> should_stop = nullptr;

  // Whether clients read every byte: for LoadedBatch::digest,
  // LoadReport::digest and as a trainer would. Otherwise those are 0, and a
  // client takes no longer than it must.
  bool read_batches = true;

  // Makes each client's stream, where it is not to be of `loader`.
  std::function<absl::StatusOr<std::unique_ptr<SampleStream>>()> open_stream =
      nullptr;

  // Where each client tells what it receives, and of which the first tells the
  // cluster the address; null for nowhere. Must outlive the load.
  Telemetry* telemetry = nullptr;

  // Called once all clients are registered, with the number of batches to
  // come, and after each batch, from the clients' threads, one at a time.
  std::function<void(uint64_t batches)> on_start = nullptr;
  std::function<void(const LoadedBatch&)> on_batch = nullptr;
};

// What came, over all clients and epochs.
struct LoadReport {
  uint64_t batches = 0;
  uint64_t seeds = 0;
  uint64_t unique_seeds = 0;  // different ids among these
  uint64_t edges = 0;
  uint64_t bytes = 0;   // of encoded messages
  absl::Duration wall;  // from the first epoch's start to the last batch
  uint64_t duplicates = 0;
  uint64_t recoveries = 0;  // streams opened again after a break
  uint64_t missing = 0;     // of epochs that came to their end
  uint64_t prefetch = 0;    // ReceiveStats::prefetch at the end, the largest
  absl::Duration wait_p50;  // of the time a client waited for a batch
  absl::Duration wait_p99;

  // The sum, modulo 2^64, of ContentDigest over every message of every client
  // and epoch. It does not depend on the order of messages, nor on what made
  // them; n clients that ask for the same have n times the digest of one.
  uint64_t digest = 0;

  // OK, or the first error that a client met after it was registered.
  absl::Status status;

  // One object in one line.
  std::string ToJson() const;

  // A few lines for people.
  std::string ToText() const;
};

// Loads as a trainer would, without a model. INVALID_ARGUMENT, naming the
// option, or what the cluster answered, if the clients cannot be set up; what
// goes wrong later is in the report, which holds whatever came.
absl::StatusOr<LoadReport> RunLoad(const LoadOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_LOADGEN_LOAD_H_
