#ifndef FAIRLEAD_LIBS_LOADER_BATCH_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_H_

#include <cstdint>
#include <utility>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/batch_trace.h"
#include "libs/loader/placement.h"
#include "libs/loader/received_batch.h"

namespace fairlead {

// A batch as tensors. On the CPU they alias the received bytes, nothing is
// copied, and keep them alive: a tensor may outlive the batch and the loader.
// Do not write to them. On a device they alias the copy that was made of these
// bytes as they arrived; what is not in them as it stands (labels of anchors,
// quantised features) is copied when it is asked for, and fails as Placement
// does. Copying a batch copies references.
//
// What a message says is checked before it is believed: DATA_LOSS names the
// tensor that is missing, has another dtype or shape than it must, or leads
// from seeds to nodes that there are not. (The edges of neighbourhoods are not
// looked at one by one: libtorch checks indices as they are used.)
class Batch {
 public:
  explicit Batch(ReceivedBatch received, const Placement& placement = {})
      : received_(std::move(received)), placement_(placement) {}

  uint64_t epoch() const { return received_.message.header.epoch(); }
  uint64_t index() const { return received_.message.header.batch_index(); }
  bool is_heterogeneous() const;

  // A tensor by its key (parity 6.4), such as "ids" or "paper.nfeats".
  // NOT_FOUND, listing the keys that there are.
  absl::StatusOr<at::Tensor> Get(absl::string_view key) const;

  // FAILED_PRECONDITION if the graph has several node or edge types.
  absl::StatusOr<Data> ToData() const;

  // FAILED_PRECONDITION if it has not.
  absl::StatusOr<HeteroData> ToHeteroData(
      EdgeDirection direction = EdgeDirection::kTowardsSeeds) const;

  // When it passed each point of its way here. Of every batch; costs nothing
  // until it is asked for.
  BatchTrace trace() const { return TraceOf(received_); }

  // The bytes, the stamps, and all that is not a tensor.
  const ReceivedBatch& received() const { return received_; }

 private:
  ReceivedBatch received_;
  Placement placement_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_H_
