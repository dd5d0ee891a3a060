#include "libs/loader/worker_options.h"

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_context/dist_context.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/one_or_many.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST(WorkerOptions, DefaultsAreTheOriginals) {  // GL-080 to GL-088, 6.2
  const MpWorkerOptions mp;
  EXPECT_EQ(mp.num_workers, 1u);
  EXPECT_EQ(mp.worker_concurrency, 4u);
  EXPECT_THAT(mp.worker_devices.values(), IsEmpty());
  EXPECT_EQ(mp.channel_size, 0u);  // 64 MiB for each worker
  EXPECT_EQ(mp.rpc_timeout, absl::Seconds(180));
  EXPECT_EQ(CollocatedWorkerOptions().prefetch_size, 0u);  // it blocks
  // What there is to choose of remote workers is how batches travel.
  static_assert(std::is_empty_v<RemoteWorkerOptions>);  // DS-66: no ports
  const DeliveryOptions remote;
  EXPECT_TRUE(
      std::holds_alternative<RemoteWorkerOptions>(remote.worker_options));
  EXPECT_EQ(remote.prefetch_size, 4u);
  EXPECT_EQ(remote.backend.worker_concurrency(), 0u);  // which is 4
  EXPECT_THAT(remote.server_ranks, IsEmpty());
}

TEST(WorkerOptions, DevicesAreOneForAllOrOneForEach) {  // GL-084
  const auto check = [](uint32_t num_workers, OneOrMany<std::string> devices) {
    return Validate(WorkerOptions(MpWorkerOptions{
        .num_workers = num_workers, .worker_devices = std::move(devices)}));
  };
  const std::string cpu = "cpu";
  EXPECT_THAT(check(3, {}), IsOk());
  EXPECT_THAT(check(3, cpu), IsOk());
  EXPECT_THAT(check(3, {cpu, cpu, cpu}), IsOk());
  EXPECT_THAT(check(1, {cpu}), IsOk());
  EXPECT_THAT(check(3, {cpu, cpu}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("worker_devices: there are 2 for 3 workers")));
  EXPECT_THAT(check(1, {cpu, cpu}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("there are 2 for 1 workers")));
  EXPECT_THAT(check(2, {cpu, "cuda:0"}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("worker_devices: \"cuda:0\""),
                             HasSubstr("to_device"))));
  EXPECT_THAT(check(1, std::string("gpu")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"gpu\""), HasSubstr("\"cpu\""))));
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

TEST(WorkerOptions, ServersMayBeThoseThatTheOrderAssigns) {  // GL-082, GL-017
  FakeCluster cluster({.batches = 1, .pools = 4});
  for (const uint32_t client : {0, 1}) {
    NeighborLoaderOptions options;
    options.registry = cluster.address();
    options.server_ranks = *AssignServerByOrder(4, 2, client);
    const size_t before = cluster.registered().size();
    ASSERT_THAT(SampleStream::Create(options), IsOk());
    std::vector<uint32_t> asked;
    for (const auto& request : cluster.registered()) {
      asked.push_back(request.server_rank());
    }
    asked.erase(asked.begin(), asked.begin() + static_cast<int64_t>(before));
    EXPECT_THAT(asked, ElementsAre(2 * client, 2 * client + 1));
  }
}

TEST(WorkerOptions, ConcurrencyIsRejectedWhereGltClampsIt) {  // GL-085
  NeighborLoaderOptions options;
  EXPECT_THAT(Validate(options), IsOk());  // 0 is the default, 4
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
