#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_READER_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/message_tag.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"
#include "services/sampler_pool/pool.h"

namespace fairlead::testing {

// What came out of a channel up to, and with, the end of an epoch.
struct ReceivedEpoch {
  std::map<uint64_t, uint64_t> digests;  // of what is in them, by batch index
  std::map<uint64_t, v1::TraceStamps> traces;  // likewise
  std::map<uint64_t, v1::BatchError> errors;
  uint64_t seed_digest = 0;
  v1::EpochEnd end;
};

// The consumer of a channel, in place of a gateway.
class ChannelReader {
 public:
  // The other end of a channel of `pool`, whose segments are in `shm_dir`.
  static absl::StatusOr<std::unique_ptr<ChannelReader>> Open(
      Pool& pool, const std::string& shm_dir, uint64_t channel_id) {
    auto reader = std::make_unique<ChannelReader>();
    FAIRLEAD_ASSIGN_OR_RETURN(reader->doorbell_, Doorbell::Create(shm_dir));
    v1::AttachConsumerRequest request;
    request.set_channel_id(channel_id);
    request.mutable_wake_consumer()->set_name(reader->doorbell_->name());
    FAIRLEAD_ASSIGN_OR_RETURN(const v1::AttachConsumerResponse response,
                              pool.AttachConsumer(request));
    FAIRLEAD_ASSIGN_OR_RETURN(reader->channel_,
                              ShmConsumer::Open(shm_dir, response.segment()));
    FAIRLEAD_ASSIGN_OR_RETURN(
        reader->producer_,
        DoorbellRinger::Open(shm_dir, response.wake_producer().name()));
    reader->slot_ = response.wake_producer().slot();
    return reader;
  }

  // Receives until the end of that attempt, as a gateway does: drops what is
  // older, releases each message and rings for it.
  ReceivedEpoch Drain(uint64_t epoch, uint32_t attempt = 0) {
    ReceivedEpoch result;
    while (true) {
      {
        absl::StatusOr<ShmMessage> message =
            channel_->Receive(absl::InfiniteDuration());
        EXPECT_THAT(message, IsOk());
        if (!message.ok()) return result;
        const ChannelMessageTag tag =
            ChannelMessageTag::Decode(message->tag()).value();
        if (tag.epoch == epoch && tag.attempt == attempt) {
          Take(tag, *message, &result);
          if (tag.kind == ChannelMessageTag::Kind::kEpochEnd) return result;
        }
      }
      producer_->Ring(slot_);
    }
  }

  // Receives what there is until the channel is closed, and says how that was
  // put.
  absl::Status AwaitClosed() {
    absl::Status status;
    while (status.ok()) {
      status = channel_->Receive(absl::InfiniteDuration()).status();
    }
    return status;
  }

 private:
  static void Take(const ChannelMessageTag& tag, const ShmMessage& message,
                   ReceivedEpoch* result) {
    const auto bytes = message.bytes();
    const auto length = static_cast<int>(bytes.size());
    if (tag.kind == ChannelMessageTag::Kind::kEpochEnd) {
      EXPECT_TRUE(result->end.ParseFromArray(bytes.data(), length));
    } else if (tag.kind == ChannelMessageTag::Kind::kBatchError) {
      EXPECT_TRUE(
          result->errors[tag.batch_index].ParseFromArray(bytes.data(), length));
    } else {
      const TensorMessage batch = ParseTensorMessage(bytes).value();
      EXPECT_EQ(batch.header.batch_index(), tag.batch_index);
      EXPECT_TRUE(result->digests.emplace(tag.batch_index, ContentDigest(batch))
                      .second);
      result->traces[tag.batch_index] = batch.header.trace();
      for (const TensorView& tensor : batch.tensors) {
        // In a message of several types with the seeds' type before it.
        if (!absl::EndsWith(absl::StrCat(".", tensor.name), ".batch")) continue;
        for (const int64_t seed : tensor.As<int64_t>()) {
          result->seed_digest += SplitMix64(static_cast<uint64_t>(seed));
        }
      }
    }
  }

  std::unique_ptr<Doorbell> doorbell_;
  std::unique_ptr<ShmConsumer> channel_;
  std::unique_ptr<DoorbellRinger> producer_;
  uint32_t slot_ = 0;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_READER_H_
