#include "tools/loadgen/load.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/loader/receive_metrics.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/tensor_message.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// Which ids there were. Ids are dense, so one is a bit, and a million of them
// stay in a cache: to count seeds must not cost what is measured.
class IdSet {
 public:
  void Insert(int64_t id) {
    blocks_[id >> kBlockBits].set(static_cast<uint64_t>(id) % kBlock);
  }
  void Merge(const IdSet& other) {
    for (const auto& [number, ids] : other.blocks_) blocks_[number] |= ids;
  }
  uint64_t size() const {
    uint64_t size = 0;
    for (const auto& [number, ids] : blocks_) size += ids.count();
    return size;
  }

 private:
  static constexpr int kBlockBits = 12;
  static constexpr uint64_t kBlock = uint64_t{1} << kBlockBits;
  absl::flat_hash_map<int64_t, std::bitset<kBlock>> blocks_;
};

// What one client has counted.
struct Tally {
  uint64_t batches = 0;
  uint64_t seeds = 0;
  uint64_t edges = 0;
  uint64_t bytes = 0;
  uint64_t digest = 0;
  IdSet unique_seeds;
  std::vector<absl::Duration> waits;
  absl::Status status;  // the first error
};

// Whether `name` is `field`, alone or of some node or edge type.
bool IsField(const std::string& name, const std::string& field) {
  return name == field || absl::EndsWith(name, "." + field);
}

// Returns the batch's digest.
uint64_t Count(const ReceivedBatch& batch, bool read, Tally& tally) {
  ++tally.batches;
  tally.bytes += batch.bytes;
  const uint64_t digest = read ? ContentDigest(batch.message) : 0;
  tally.digest += digest;
  for (const TensorView& tensor : batch.message.tensors) {
    if (IsField(tensor.name, "rows") && tensor.shape.size() == 1) {
      tally.edges += tensor.shape[0];
    } else if (IsField(tensor.name, "batch")) {
      // The channel has checked that these are int64.
      for (size_t at = 0; at < tensor.bytes.size(); at += sizeof(int64_t)) {
        int64_t seed = 0;
        std::memcpy(&seed, tensor.bytes.data() + at, sizeof(seed));
        tally.unique_seeds.Insert(seed);
        ++tally.seeds;
      }
    }
  }
  return digest;
}

// Runs a client to its end. Errors of single batches are noted, and passed by.
class Client {
 public:
  Client(const LoadOptions& options, uint64_t number,
         std::unique_ptr<SampleStream> stream)
      : options_(options), number_(number), stream_(std::move(stream)) {
    if (options.telemetry == nullptr) return;
    exposed_ = ExposeReceiveStats(*options.telemetry,
                                  {{"client", absl::StrCat(number)}},
                                  [s = stream_.get()] { return s->stats(); });
  }

  void Run(Mutex& progress) {
    const RealClock clock;
    for (uint64_t epoch = 0; epoch < options_.epochs && !IsFull(); ++epoch) {
      const absl::Status started = stream_->StartEpoch();
      if (!started.ok()) {
        tally_.status.Update(started);
        return;
      }
      while (!IsFull()) {
        const absl::Duration asked = clock.MonotonicNow();
        const absl::StatusOr<std::optional<ReceivedBatch>> batch =
            stream_->Next();
        if (!batch.ok()) {
          tally_.status.Update(batch.status());
          continue;
        }
        if (!batch->has_value()) break;
        tally_.waits.push_back(clock.MonotonicNow() - asked);
        const uint64_t digest = Count(**batch, options_.read_batches, tally_);
        if (options_.on_batch != nullptr) {
          const v1::MessageHeader& header = (*batch)->message.header;
          MutexLock lock(&progress);
          options_.on_batch({.client = number_,
                             .server = (*batch)->server,
                             .epoch = header.epoch(),
                             .attempt = header.attempt(),
                             .batch_index = header.batch_index(),
                             .digest = digest,
                             .received = (*batch)->received});
        }
        absl::SleepFor(options_.step_time);
      }
    }
  }

  uint64_t expected_batches() const {
    const uint64_t all = stream_->batches() * options_.epochs;
    return options_.max_batches == 0 ? all
                                     : std::min(all, options_.max_batches);
  }
  Tally& tally() { return tally_; }
  ReceiveStats stats() const { return stream_->stats(); }

 private:
  bool IsFull() const {
    if (options_.should_stop != nullptr && options_.should_stop()) return true;
    return options_.max_batches > 0 && tally_.batches >= options_.max_batches;
  }

  const LoadOptions& options_;
  const uint64_t number_;
  const std::unique_ptr<SampleStream> stream_;
  std::shared_ptr<Telemetry::Sampled> exposed_;  // reads the stream
  Tally tally_;
};

// By nearest rank. Zero of nothing.
absl::Duration Percentile(const std::vector<absl::Duration>& sorted,
                          double percent) {
  if (sorted.empty()) return absl::ZeroDuration();
  const auto rank = static_cast<size_t>(
      std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

double PerSecond(uint64_t count, absl::Duration wall) {
  const double seconds = absl::ToDoubleSeconds(wall);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string Hex(uint64_t digest) {
  return absl::StrCat(absl::Hex(digest, absl::kZeroPad16));
}

LoadReport Summarise(std::vector<std::unique_ptr<Client>>& clients,
                     absl::Duration wall) {
  LoadReport report;
  report.wall = wall;
  IdSet unique_seeds;
  std::vector<absl::Duration> waits;
  for (const auto& client : clients) {
    Tally& tally = client->tally();
    report.batches += tally.batches;
    report.seeds += tally.seeds;
    report.edges += tally.edges;
    report.bytes += tally.bytes;
    report.digest += tally.digest;
    unique_seeds.Merge(tally.unique_seeds);
    waits.insert(waits.end(), tally.waits.begin(), tally.waits.end());
    report.status.Update(tally.status);
    const ReceiveStats stats = client->stats();
    report.duplicates += stats.duplicates;
    report.missing += stats.missing;
    report.recoveries += stats.recoveries;
    report.prefetch = std::max(report.prefetch, stats.prefetch);
  }
  std::sort(waits.begin(), waits.end());
  report.unique_seeds = unique_seeds.size();
  report.wait_p50 = Percentile(waits, 50);
  report.wait_p99 = Percentile(waits, 99);
  if (report.duplicates > 0 || report.missing > 0) {
    report.status.Update(absl::DataLossError(
        absl::StrCat(report.duplicates, " batches came twice, and ",
                     report.missing, " never")));
  }
  return report;
}

}  // namespace

absl::StatusOr<LoadReport> RunLoad(const LoadOptions& options) {
  if (options.clients < 1) {
    return absl::InvalidArgumentError("clients: must be at least 1, got 0");
  }
  if (options.epochs < 1) {
    return absl::InvalidArgumentError("epochs: must be at least 1, got 0");
  }
  std::vector<std::unique_ptr<Client>> clients;
  uint64_t expected = 0;
  for (uint64_t i = 0; i < options.clients; ++i) {
    SampleStreamOptions loader = options.loader;
    if (!options.name.empty()) {
      loader.member_name = absl::StrCat(options.name, "-", i);
      loader.worker_key = loader.member_name;
    }
    // One process, however many members: to be scraped once.
    if (options.telemetry != nullptr && i == 0) {
      loader.metrics_address = options.telemetry->address();
    }
    FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<SampleStream> stream,
                              options.open_stream != nullptr
                                  ? options.open_stream()
                                  : SampleStream::Create(std::move(loader)));
    clients.push_back(std::make_unique<Client>(options, i, std::move(stream)));
    expected += clients.back()->expected_batches();
  }
  if (options.on_start != nullptr) options.on_start(expected);

  const RealClock clock;
  const absl::Duration start = clock.MonotonicNow();
  Mutex progress;
  std::vector<std::thread> threads;
  threads.reserve(clients.size());
  for (const auto& client : clients) {
    threads.emplace_back([&client, &progress] { client->Run(progress); });
  }
  for (std::thread& thread : threads) thread.join();
  return Summarise(clients, clock.MonotonicNow() - start);
}

std::string LoadedBatch::ToJson() const {
  const nlohmann::ordered_json json = {
      {"client", client},
      {"server", server},
      {"epoch", epoch},
      {"attempt", attempt},
      {"batch_index", batch_index},
      {"digest", Hex(digest)},
      {"received_ns", absl::ToInt64Nanoseconds(received)}};
  return json.dump();
}

std::string LoadReport::ToJson() const {
  const nlohmann::ordered_json json = {
      {"batches", batches},
      {"seeds", seeds},
      {"unique_seeds", unique_seeds},
      {"edges", edges},
      {"bytes", bytes},
      {"wall_s", absl::ToDoubleSeconds(wall)},
      {"batches_per_s", PerSecond(batches, wall)},
      {"edges_per_s", PerSecond(edges, wall)},
      {"bytes_per_s", PerSecond(bytes, wall)},
      {"duplicates", duplicates},
      {"missing", missing},
      {"recoveries", recoveries},
      {"prefetch", prefetch},
      {"wait_p50_us", absl::ToDoubleMicroseconds(wait_p50)},
      {"wait_p99_us", absl::ToDoubleMicroseconds(wait_p99)},
      {"digest", Hex(digest)}};
  return json.dump();
}

std::string LoadReport::ToText() const {
  constexpr double kMiB = 1 << 20;
  return absl::StrFormat(
      "batches     %u in %.2f s: %.1f/s\n"
      "seeds       %u, of these %u different\n"
      "edges       %u: %.0f/s\n"
      "bytes       %.1f MiB: %.1f MiB/s\n"
      "waited      %.0f us (median), %.0f us (99 %%)%s\n"
      "duplicates  %u, missing %u, streams opened again %u\n"
      "digest      %s\n",
      batches, absl::ToDoubleSeconds(wall), PerSecond(batches, wall), seeds,
      unique_seeds, edges, PerSecond(edges, wall),
      static_cast<double>(bytes) / kMiB, PerSecond(bytes, wall) / kMiB,
      absl::ToDoubleMicroseconds(wait_p50),
      absl::ToDoubleMicroseconds(wait_p99),
      prefetch == 0 ? "" : absl::StrCat(", ", prefetch, " asked for ahead"),
      duplicates, missing, recoveries, Hex(digest));
}

}  // namespace fairlead
