#include "libs/loader/worker_options.h"

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

NeighborLoaderOptions WithWorkers(const WorkerOptions& workers) {
  NeighborLoaderOptions options;
  options.worker_options = workers;
  return options;
}

TEST(WorkerOptions, BadOnesAreNamedWithTheirValue) {
  const auto refused = [](const WorkerOptions& options, const char* why) {
    EXPECT_THAT(Validate(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refused(MpWorkerOptions{.num_workers = 0}, "num_workers: 0");
  refused(MpWorkerOptions{.num_workers = 1025}, "num_workers: 1025");
  refused(MpWorkerOptions{.worker_concurrency = 0}, "worker_concurrency: 0");
  refused(MpWorkerOptions{.worker_concurrency = 33}, "worker_concurrency: 33");
  refused(MpWorkerOptions{.channel_size = 12}, "channel_size: 12");
  refused(MpWorkerOptions{.rpc_timeout = absl::ZeroDuration()}, "rpc_timeout");
  refused(MpWorkerOptions{.stall_timeout = absl::ZeroDuration()},
          "stall_timeout");
  refused(MpWorkerOptions{.start_timeout = -absl::Seconds(1)}, "start_timeout");
  refused(CollocatedWorkerOptions{.prefetch_size = 5000},
          "prefetch_size: 5000");
  EXPECT_THAT(Validate(WorkerOptions(MpWorkerOptions{
                  .num_workers = 1024, .worker_concurrency = 32})),
              IsOk());
}

TEST(WorkerOptions, PrefetchIsAtMostWhatTheBufferHolds) {  // GL-082
  NeighborLoaderOptions options;
  options.backend.set_buffer_capacity(4);
  options.prefetch_size = 4;
  EXPECT_THAT(Validate(options), IsOk());
  options.prefetch_size = 5;
  EXPECT_THAT(Validate(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("prefetch_size: 5"),
                             HasSubstr("buffer_capacity, 4"))));
  // Of a cluster only.
  options.worker_options = CollocatedWorkerOptions();
  EXPECT_THAT(Validate(options), IsOk());
}

TEST(WorkerOptions, ConcurrencyIsRejectedWhereGltClampsIt) {  // GL-085
  NeighborLoaderOptions options;
  options.backend.set_worker_concurrency(32);
  EXPECT_THAT(Validate(options), IsOk());
  options.backend.set_worker_concurrency(33);
  EXPECT_THAT(Validate(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("concurrency: 33")));
}

TEST(WorkerOptions, LocalWorkersNeedADataset) {  // GL-050, GL-051
  for (const WorkerOptions& workers : {WorkerOptions(CollocatedWorkerOptions()),
                                       WorkerOptions(MpWorkerOptions())}) {
    EXPECT_THAT(SampleStream::Create(WithWorkers(workers)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("dataset: must be given")));
  }
}

}  // namespace
}  // namespace fairlead
