#ifndef FAIRLEAD_LIBS_LOADER_BATCH_READER_H_
#define FAIRLEAD_LIBS_LOADER_BATCH_READER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/loader/batch_data.h"
#include "libs/loader/received_batch.h"
#include "libs/tensor_message/tensor_message.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// Takes tensors out of a message, checked: every error is DATA_LOSS, and names
// the batch and the tensor. Tensors alias the message's bytes where they can.
// Borrows the batch. For Batch alone.
class BatchReader {
 public:
  explicit BatchReader(const ReceivedBatch& received) : received_(received) {}

  absl::Status Error(absl::string_view why) const;

  // `prefix` is empty, or a type and a dot.
  absl::StatusOr<HeteroData::Nodes> Nodes(const std::string& prefix) const;
  absl::StatusOr<HeteroData::Edges> Edges(const std::string& prefix,
                                          EdgeDirection direction) const;

  // Pairs of (place of a seed, local index of one of `nodes` nodes) and what
  // each weighs. Both undefined if there is no `index_key`.
  absl::StatusOr<HeteroData::Ppr> Ppr(const std::string& index_key,
                                      const std::string& weight_key,
                                      int64_t seeds, int64_t nodes) const;

  // Of a batch with these nodes; a homogeneous one's are under "".
  absl::StatusOr<SeedTensors> Seeds(
      const std::map<std::string, HeteroData::Nodes>& nodes) const;

  // What stands before `field` in the keys that end with it.
  std::vector<std::string> TypesWith(absl::string_view field) const;
  // The edge types behind `prefix` in the keys that begin with it.
  absl::StatusOr<std::vector<EdgeTypeName>> EdgeTypesAfter(
      absl::string_view prefix) const;

 private:
  // A list of int64. Undefined if it is not there and need not be.
  absl::StatusOr<at::Tensor> List(const std::string& key, bool required) const;

  // Features: a row for each of `rows` nodes or edges. Undefined if they are
  // not there. As they came, but quantised ones (int8, uint8 with a scale) as
  // the float32 that they stand for, which is a copy.
  absl::StatusOr<at::Tensor> Features(const std::string& key,
                                      int64_t rows) const;

  // A row for each of `rows` nodes. Undefined if it is not there.
  absl::StatusOr<at::Tensor> Rows(const std::string& key, int64_t rows,
                                  v1::DType dtype) const;

  // [2, E] of the lists `first` and `second`. Where the one stands before the
  // other in the message, a view of both with a stride; else a copy.
  absl::StatusOr<at::Tensor> Pair(const std::string& first,
                                  const std::string& second) const;

  // Local indices below `limit`, of the shape [rows, ...] or, with rows < 0, of
  // any number of rows; of one or two dimensions. Undefined if it is not there.
  absl::StatusOr<at::Tensor> Indices(const std::string& key, int64_t rows,
                                     int64_t limit) const;

  // The labels of anchors as pairs, by edge type.
  absl::StatusOr<std::map<EdgeTypeName, at::Tensor>> Labels(
      absl::string_view prefix,
      const std::map<std::string, HeteroData::Nodes>& nodes) const;

  const ReceivedBatch& received_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_BATCH_READER_H_
