#ifndef FAIRLEAD_LIBS_LOADER_RECEIVING_TRAINER_H_
#define FAIRLEAD_LIBS_LOADER_RECEIVING_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/registry_session.h"
#include "libs/loader/remote_receiving_channel.h"
#include "libs/loader/sampling_input.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// A RemoteReceivingChannel of a cluster that behaves as `options` says.
class ReceivingTrainer {
 public:
  explicit ReceivingTrainer(FakeCluster::Options options,
                            RemoteReceivingChannel::Options channel = {})
      : cluster(std::move(options)) {
    auto created = RegistrySession::Create(
        {.registry = cluster.address(), .member_name = "trainer"});
    EXPECT_THAT(created, testing::IsOk());
    session_ = *std::move(created);
    auto registered =
        SamplingInput::Register(session_.get(), {.backend_key = "backend",
                                                 .worker_key = "worker",
                                                 .seeds = {v1::SeedNodes()}});
    EXPECT_THAT(registered, testing::IsOk());
    input_ = *std::move(registered);
    channel.num_servers = input_->num_servers();
    channel.start_epoch = [this](size_t server, uint64_t epoch,
                                 uint32_t attempt,
                                 absl::Span<const v1::BatchRange> held) {
      return input_->StartEpoch(server, epoch, attempt, held);
    };
    auto receiver = RemoteReceivingChannel::Create(std::move(channel));
    EXPECT_THAT(receiver, testing::IsOk());
    channel_ = *std::move(receiver);
  }

  RemoteReceivingChannel* operator->() { return channel_.get(); }
  void Close() { channel_.reset(); }

  // What Recv gives until the end of the epoch: the index of each batch, and
  // the errors.
  struct Epoch {
    std::vector<uint64_t> batches;
    std::vector<absl::Status> errors;
  };
  Epoch Drain() {
    Epoch epoch;
    while (true) {
      const absl::StatusOr<std::optional<ReceivedBatch>> batch =
          channel_->Recv();
      if (!batch.ok()) {
        epoch.errors.push_back(batch.status());
      } else if (batch->has_value()) {
        epoch.batches.push_back((*batch)->message.header.batch_index());
      } else {
        return epoch;
      }
    }
  }

  FakeCluster cluster;

 private:
  std::unique_ptr<RegistrySession> session_;
  std::unique_ptr<SamplingInput> input_;
  std::unique_ptr<RemoteReceivingChannel> channel_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECEIVING_TRAINER_H_
