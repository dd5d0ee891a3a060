#ifndef FAIRLEAD_TOOLS_EXAMPLES_DATA_PARALLEL_H_
#define FAIRLEAD_TOOLS_EXAMPLES_DATA_PARALLEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/membership/membership.h"
#include "libs/membership/rendezvous.h"
#include "libs/rpc/security.h"
#include "torch/types.h"

namespace fairlead {

// One of several trainer processes that train one network: each takes batches
// of its own, and the step that all of them make is by the average gradient.
//
// They meet at the registry (libs/membership), so they need no addresses of
// each other. That is right for networks of up to some MB; larger ones want an
// all-reduce that the trainers make among themselves, as gloo's and NCCL's.
//
// Every rank makes the same calls in the same order. Errors are Rendezvous's:
// who is missing, who died. Thread-compatible.
class DataParallel {
 public:
  struct Options {
    std::string registry;
    std::shared_ptr<rpc::Security> security = nullptr;  // null: plain text
    std::string job;  // what the ranks have in common, and no other job has
    uint32_t rank = 0;
    uint32_t world_size = 1;
    absl::Duration timeout = absl::Minutes(2);  // to wait for the other ranks
  };

  // INVALID_ARGUMENT, naming the flag, if `rank` is none of the world's;
  // UNAVAILABLE if the registry cannot be reached.
  static absl::StatusOr<std::unique_ptr<DataParallel>> Join(
      const Options& options);

  // The sum over all ranks, the same to the bit on each. `values` must be of
  // one shape and dtype everywhere; INVALID_ARGUMENT if their sizes differ.
  absl::StatusOr<torch::Tensor> Sum(const torch::Tensor& values);

  // Makes every gradient the average over the examples of all ranks, given that
  // it is the average over the `examples` of this rank's batch. Nothing instead
  // of a number: this rank has no batch left. False once no rank has one.
  absl::StatusOr<bool> AverageGradients(
      const std::vector<torch::Tensor>& parameters,
      std::optional<int64_t> examples);

  // A hash of the parameters, which is the same on all ranks: INTERNAL, with
  // every rank's, if not.
  absl::StatusOr<uint64_t> CommonDigest(
      const std::vector<torch::Tensor>& parameters);

  uint32_t rank() const { return ranks_.rank(); }

 private:
  DataParallel(const Options& options, std::unique_ptr<Membership> membership)
      : timeout_(options.timeout),
        membership_(std::move(membership)),
        ranks_(membership_.get(), options.job, options.world_size,
               options.rank) {}

  const absl::Duration timeout_;
  const std::unique_ptr<Membership> membership_;
  Rendezvous ranks_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_EXAMPLES_DATA_PARALLEL_H_
