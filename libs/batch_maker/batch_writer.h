#ifndef FAIRLEAD_LIBS_BATCH_MAKER_BATCH_WRITER_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_BATCH_WRITER_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/batch_maker/batch_rows.h"
#include "libs/batch_maker/channel_plan.h"
#include "libs/cuda/accelerator.h"
#include "libs/dist_graph/row_gather.h"
#include "libs/graph/table.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// A batch whose topology is sampled, on its way into shared memory. Its size
// is known before its features are touched, so the space is reserved first and
// they are gathered straight into it.
//
//   writer = BatchWriter::Plan(plan, header, seeds, batch, rows);
//   reservation = Reserve(writer.total_bytes());
//   writer.WriteTo(reservation.bytes());
//
// Borrows `plan`, and from Plan() to WriteTo() the seeds, the batch, the rows.
// Thread-compatible.
class BatchWriter {
 public:
  // Decides the tensors and where each goes (parity 6.4 for the keys). `rows`
  // has those that are not all this partition's. RESOURCE_EXHAUSTED if the
  // message would be larger than protobuf allows.
  static absl::StatusOr<BatchWriter> Plan(const ChannelPlan& plan,
                                          const v1::MessageHeader& header,
                                          absl::Span<const int64_t> seeds,
                                          const SampledBatch& batch,
                                          const BatchRows& rows);

  uint64_t total_bytes() const { return layout_.total_bytes(); }

  // Writes everything. REQUIRES message.size() == total_bytes().
  absl::Status WriteTo(absl::Span<uint8_t> message) const;

  // Overwrites the trace stamps of a message that WriteTo has written.
  void Stamp(absl::Span<uint8_t> message, const v1::TraceStamps& trace) const {
    layout_.Stamp(message, trace);
  }

 private:
  // Where a tensor's bytes come from.
  struct Rows {
    const RowStore* store;
    absl::Span<const int64_t> ids;
    cuda::Accelerator* accelerator;  // which has them; or null
  };
  struct Constant {
    int64_t value;
  };
  using Source =
      std::variant<absl::Span<const uint8_t>, Rows, const RowGather*, Constant>;

  class Fields;

  BatchWriter(MessageLayout layout, std::vector<Source> sources)
      : layout_(std::move(layout)), sources_(std::move(sources)) {}

  MessageLayout layout_;
  std::vector<Source> sources_;  // one per tensor
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_BATCH_WRITER_H_
