#include "libs/loader/sample_stream_options.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"
#include "xxhash.h"

namespace fairlead {
namespace {

absl::Status AtLeastOne(absl::string_view name, uint64_t value) {
  if (value >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": must be at least 1, got 0; with 0 no batch could come"));
}

absl::Status NotNegative(absl::string_view name, absl::Duration value) {
  if (value >= absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": must not be negative, got ", absl::FormatDuration(value)));
}

// What is about the way from remote workers (parity GL-082, GL-085).
absl::Status CheckRemote(const DeliveryOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(AtLeastOne("prefetch_size", options.prefetch_size));
  FAIRLEAD_RETURN_IF_ERROR(AtLeastOne("credit_bytes", options.credit_bytes));
  FAIRLEAD_RETURN_IF_ERROR(
      NotNegative("connect_timeout", options.connect_timeout));
  FAIRLEAD_RETURN_IF_ERROR(
      NotNegative("recovery_timeout", options.recovery_timeout));
  if (options.backend_key.empty()) {
    return absl::InvalidArgumentError(
        "backend_key: is empty; give loaders that share sampling workers one "
        "name, such as \"dist_neighbor_loader\"");
  }
  std::vector<uint32_t> ranks = options.server_ranks;
  std::sort(ranks.begin(), ranks.end());
  const auto twice = std::adjacent_find(ranks.begin(), ranks.end());
  if (twice != ranks.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "server_ranks: ", *twice,
        " is there twice, and its batches would be too; name each once"));
  }
  const v1::BackendOptions& backend = options.backend;
  if (backend.worker_concurrency() > kMaxWorkerConcurrency) {
    return absl::InvalidArgumentError(absl::StrCat(
        "backend.worker_concurrency: ", backend.worker_concurrency(),
        " is more than ", kMaxWorkerConcurrency,
        "; give 1 to that many, or 0 for 4"));
  }
  const uint64_t capacity = BufferCapacity(backend);
  if (options.prefetch_size != kAutoPrefetch &&
      options.prefetch_size > capacity) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefetch_size: ", options.prefetch_size,
                     " is more than a channel's buffer holds; give at most "
                     "backend.buffer_capacity, ",
                     capacity, " messages, or raise that"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const SampleStreamOptions& options) {
  FAIRLEAD_RETURN_IF_ERROR(
      AtLeastOne("batch_size", options.config.batch_size()));
  FAIRLEAD_RETURN_IF_ERROR(Validate(options.worker_options));
  const bool is_remote =
      std::holds_alternative<RemoteWorkerOptions>(options.worker_options);
  if (is_remote) FAIRLEAD_RETURN_IF_ERROR(CheckRemote(options));
  if (options.seeds.empty()) {
    return absl::InvalidArgumentError(
        "seeds: there are none; give them once for all servers, or once for "
        "each");
  }
  if (!is_remote && options.seeds.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes.paths: there are ", options.seeds.size(),
                     ", one for each server, but the trainer samples by "
                     "itself; give one, or choose RemoteWorkerOptions"));
  }
  return absl::OkStatus();
}

uint64_t InputFingerprint(const SampleStreamOptions& options) {
  const std::string config = options.config.SerializeAsString();
  uint64_t fingerprint = 0;
  for (const v1::SeedNodes& seeds : options.seeds) {
    const std::string bytes = seeds.SerializeAsString();
    fingerprint = XXH3_64bits_withSeed(bytes.data(), bytes.size(), fingerprint);
  }
  return XXH3_64bits_withSeed(config.data(), config.size(), fingerprint);
}

}  // namespace fairlead
