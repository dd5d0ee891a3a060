#ifndef FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_H_
#define FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace grpc {
template <class W, class R>
class ServerReaderWriter;
}

namespace fairlead {

// A tensor for EncodeMessage: a list, or rows of so many columns.
struct FakeTensor {
  FakeTensor(std::string name, std::vector<int64_t> values);
  FakeTensor(std::string name, std::vector<int64_t> values, int64_t columns);
  FakeTensor(std::string name, std::vector<float> values, int64_t columns);
  FakeTensor(std::string name, std::vector<double> values, int64_t columns);
  template <typename T>
  FakeTensor(std::string name, std::initializer_list<T> values, int64_t columns)
      : FakeTensor(
            std::move(name),
            std::vector<std::conditional_t<std::is_integral_v<T>, int64_t, T>>(
                values.begin(), values.end()),
            columns) {}

  TensorSpec spec;
  std::string bytes;
};

// A well-formed SampleMessage.
std::string EncodeMessage(const v1::MessageHeader& header,
                          const std::vector<FakeTensor>& tensors);

// A registry and a gateway on loopback, in this process: they answer what the
// real ones would, from seeds made up here, and misbehave as a test asks. Batch
// i of n has the seeds 10 i and 10 i + 1. Thread-safe.
class FakeCluster final {
  class Services;

 public:
  // One Receive call, as the script of a test sees it.
  class Stream {
   public:
    using Rpc =
        grpc::ServerReaderWriter<v1::ReceiveResponse, v1::ReceiveRequest>;

    Stream(Services* cluster, Rpc* rpc, v1::Subscribe subscribe);

    const v1::Subscribe& subscribe() const { return subscribe_; }
    uint32_t attempt() const { return subscribe_.attempt(); }
    uint64_t batches() const { return batches_; }

    // What the trainer said it holds when it started this attempt.
    bool IsHeld(uint64_t batch_index) const;

    // These wait for credit. False once the trainer is gone.
    bool SendBatch(uint64_t batch_index);
    bool SendEncoded(const std::string& message);
    bool SendError(uint64_t batch_index, const absl::Status& status);

    bool Send(const v1::ReceiveResponse& response);
    bool SendEnd();
    bool SendEnd(const v1::EpochEnd& end);

    // All batches that are not held, then the end.
    bool SendAll();

    // The end, as it should be.
    v1::EpochEnd MakeEnd() const;
    v1::MessageHeader MakeHeader(uint64_t batch_index) const;

    // Waits until the trainer has given `messages` of credit in all, or gone.
    bool AwaitCredit(uint64_t messages);

    // Waits until the trainer hangs up.
    grpc::Status AwaitClose();

   private:
    bool ReadCredit();

    Services* const cluster_;
    Rpc* const rpc_;
    const v1::Subscribe subscribe_;
    std::set<uint64_t> held_;
    uint64_t batches_ = 0;
    uint64_t granted_;
    uint64_t sent_ = 0;
  };
  using Script = std::function<grpc::Status(Stream&)>;

  struct Options {
    uint64_t batches = 4;  // of every channel
    int pools = 1;
    // Of the channels of some pools, by rank.
    std::map<uint32_t, uint64_t> batches_of_pool = {};

    // What a gateway does with each stream; by default, what it should.
    Script script = [](Stream& stream) {
      stream.SendAll();
      return stream.AwaitClose();
    };

    // Makes the message of a batch; by default its seeds, and one edge.
    std::function<std::vector<FakeTensor>(uint64_t batch_index)> tensors =
        nullptr;

    bool timelines = false;  // whether the trainer is asked for every batch's

    // Asked before each call of that name is answered; an error is the answer.
    std::function<absl::Status(const v1::RegisterSamplingInputRequest&)>
        on_register = nullptr;
    std::function<absl::Status(const v1::StartEpochRequest&)> on_start_epoch =
        nullptr;
  };

  explicit FakeCluster(Options options);
  ~FakeCluster();

  const std::string& address() const;

  // What happens when somebody destroys every channel, and when in addition
  // the leases of their trainers have run out.
  void DestroyChannels();
  void EndLeases();

  // What is there now.
  size_t num_members() const;
  std::set<uint64_t> channels() const;

  // Every StartEpoch that was answered with OK, in order.
  std::vector<v1::StartEpochRequest> started() const;
  std::vector<v1::RegisterSamplingInputRequest> registered() const;
  // What trainers said that they consumed, in order.
  std::vector<v1::ConsumedBatch> consumed() const;

 private:
  const std::unique_ptr<Services> services_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_FAKE_CLUSTER_H_
