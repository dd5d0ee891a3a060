#ifndef FAIRLEAD_LIBS_CUDA_EXECUTOR_SESSION_H_
#define FAIRLEAD_LIBS_CUDA_EXECUTOR_SESSION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/cuda/device.h"
#include "libs/cuda/gather_step.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/growing_array.h"
#include "libs/cuda/k_hop_request.h"
#include "libs/cuda/k_hop_sampler.h"
#include "libs/cuda/row_gatherer.h"
#include "libs/status/status_macros.h"

namespace fairlead::cuda {

// A DeviceSession on an executor (see KHopSampler): a GPU's, or the CPU that
// stands in for one in tests.
template <typename Executor>
class ExecutorSession final : public DeviceSession {
 public:
  explicit ExecutorSession(std::unique_ptr<Executor> executor)
      : executor_(std::move(executor)),
        ids_(executor_.get()),
        rows_(executor_.get()) {}

  absl::StatusOr<KHopBatch> Sample(const GraphView& graph,
                                   const KHopOptions& options,
                                   const KHopRequest& request) override {
    return samplers_.try_emplace(&graph, executor_.get(), graph)
        .first->second.Sample(options, request);
  }

  absl::Status Read(void* to, const void* from, size_t bytes) override {
    return executor_->Read(to, from, bytes);
  }

  absl::Status Gather(const UnifiedView& table, absl::Span<const int64_t> ids,
                      absl::Span<uint8_t> out) override {
    RowGatherer<Executor>& gatherer =
        gatherers_.try_emplace(&table, executor_.get(), table).first->second;
    const auto row_bytes = static_cast<size_t>(table.row_bytes);
    // As many at a time as fit, so that a large batch takes no more memory.
    const size_t most = std::max<size_t>(kMostBytes / row_bytes, 1);
    for (size_t begin = 0; begin < ids.size(); begin += most) {
      const auto some = ids.subspan(begin, most);
      const auto there =
          out.subspan(begin * row_bytes, some.size() * row_bytes);
      FAIRLEAD_RETURN_IF_ERROR(ids_.Renew(static_cast<int64_t>(some.size())));
      FAIRLEAD_RETURN_IF_ERROR(rows_.Renew(static_cast<int64_t>(there.size())));
      FAIRLEAD_RETURN_IF_ERROR(executor_->Copy(ids_.data(), some.data(),
                                               some.size() * sizeof(int64_t)));
      FAIRLEAD_RETURN_IF_ERROR(gatherer.Start(
          ids_.data(), static_cast<int64_t>(some.size()), rows_.data()));
      FAIRLEAD_RETURN_IF_ERROR(gatherer.Finish());
      FAIRLEAD_RETURN_IF_ERROR(
          executor_->Read(there.data(), rows_.data(), there.size()));
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kMostBytes = size_t{64} << 20;

  const std::unique_ptr<Executor>
      executor_;  // first: the rest have memory of it
  GrowingArray<int64_t, Executor> ids_;
  GrowingArray<uint8_t, Executor> rows_;
  std::map<const GraphView*, KHopSampler<Executor>> samplers_;
  std::map<const UnifiedView*, RowGatherer<Executor>> gatherers_;
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_EXECUTOR_SESSION_H_
