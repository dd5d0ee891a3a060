// A loader that was built from the contracts of the first release, and knows no
// later ones, takes epochs from today's services; and so does one that is newer
// than the services: what these do not know they leave alone.

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::TestCluster;
using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using MessagePtr = std::unique_ptr<Message>;

constexpr char kFirstRelease[] = "protos/compatibility/released/0.1.0.binpb";

// A field that no contract of ours has.
constexpr int kFromTheFuture = 100'000;

enum class Age { kOlder, kNewer };

// Says something that the other end cannot know, in every message there is.
void AddWhatIsNew(Message* message) {
  const google::protobuf::Reflection& fields = *message->GetReflection();
  fields.MutableUnknownFields(message)->AddVarint(kFromTheFuture, 7);
  fields.MutableUnknownFields(message)->AddLengthDelimited(kFromTheFuture + 1,
                                                           "whatever");
  std::vector<const FieldDescriptor*> set;
  fields.ListFields(*message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        !field->is_repeated()) {
      AddWhatIsNew(fields.MutableMessage(message, field));
    }
  }
}

uint64_t Number(const Message& message, const std::string& field) {
  return message.GetReflection()->GetUInt64(
      message, message.GetDescriptor()->FindFieldByName(field));
}

std::string Text(const Message& message, const std::string& field) {
  return message.GetReflection()->GetString(
      message, message.GetDescriptor()->FindFieldByName(field));
}

// The message in that field; null if it is not set.
const Message* Inner(const Message& message, const std::string& field) {
  const FieldDescriptor* found =
      message.GetDescriptor()->FindFieldByName(field);
  return message.GetReflection()->HasField(message, found)
             ? &message.GetReflection()->GetMessage(message, found)
             : nullptr;
}

// What a program of that release can say and understand.
class Contract {
 public:
  explicit Contract(Age age) : age_(age) {
    google::protobuf::FileDescriptorSet release;
    std::ifstream file(kFirstRelease, std::ios::binary);
    EXPECT_TRUE(release.ParseFromIstream(&file));
    for (const auto& each : release.file()) {
      EXPECT_NE(pool_.BuildFile(each), nullptr) << each.name();
    }
  }

  // `text` is in protobuf's text format.
  grpc::ByteBuffer Write(const Descriptor* type, const std::string& text) {
    const MessagePtr message(factory_.GetPrototype(type)->New());
    EXPECT_TRUE(
        google::protobuf::TextFormat::ParseFromString(text, message.get()))
        << text;
    if (age_ == Age::kNewer) AddWhatIsNew(message.get());
    const grpc::Slice slice(message->SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
  }

  absl::StatusOr<MessagePtr> Read(const Descriptor* type,
                                  const grpc::ByteBuffer& bytes) {
    grpc::Slice slice;
    if (!bytes.DumpToSingleSlice(&slice).ok()) {
      return absl::InternalError("an answer that cannot be read");
    }
    MessagePtr message(factory_.GetPrototype(type)->New());
    if (!message->ParseFromArray(slice.begin(),
                                 static_cast<int>(slice.size()))) {
      return absl::InternalError(absl::StrCat("is no ", type->full_name()));
    }
    return message;
  }

  // REQUIRES: the release has it.
  const google::protobuf::MethodDescriptor& Method(const std::string& service,
                                                   const std::string& name) {
    return *pool_.FindServiceByName("fairlead.v1." + service)
                ->FindMethodByName(name);
  }

 private:
  const Age age_;
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
};

// One call, from its first message to its last.
class Call {
 public:
  Call(Contract& contract, grpc::GenericStub& stub, const std::string& service,
       const std::string& method)
      : contract_(contract), method_(contract.Method(service, method)) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          absl::ToChronoSeconds(kPatience));
    rpc_ = stub.PrepareCall(&context_,
                            absl::StrCat("/fairlead.v1.", service, "/", method),
                            &queue_);
    rpc_->StartCall(nullptr);
    Await();
  }
  ~Call() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Write(const std::string& text) {
    rpc_->Write(contract_.Write(method_.input_type(), text), nullptr);
    Await();
  }
  // The next answer; how the call ended if there is none.
  absl::StatusOr<MessagePtr> Read() {
    grpc::ByteBuffer answer;
    rpc_->Read(&answer, nullptr);
    if (Await()) return contract_.Read(method_.output_type(), answer);
    grpc::Status status;
    rpc_->Finish(&status, nullptr);
    Await();
    return status.ok() ? absl::OutOfRangeError("the end")
                       : rpc::ToAbslStatus(status);
  }
  void WritesDone() {
    rpc_->WritesDone(nullptr);
    Await();
  }

 private:
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  Contract& contract_;
  const google::protobuf::MethodDescriptor& method_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> rpc_;
};

class OlderLoader : public ::testing::TestWithParam<Age> {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_,
                                  TestCluster::Start({.dataset = dataset}));
    registry_ = std::make_unique<grpc::GenericStub>(
        rpc::MakeChannel(cluster_->registry().address()));
  }
  void TearDown() override {
    registry_.reset();  // or the registry would wait for us to hang up
    if (cluster_ != nullptr) {
      EXPECT_THAT(cluster_->Stop(), IsOk());
    }
  }

  absl::StatusOr<MessagePtr> AskRegistry(const std::string& method,
                                         const std::string& request) {
    Call call(contract_, *registry_, "RegistryService", method);
    call.Write(request);
    call.WritesDone();
    return call.Read();
  }

  // Takes an epoch, and says how many batches there were.
  absl::StatusOr<uint64_t> Receive(const std::string& gateway,
                                   uint64_t channel_id, uint64_t epoch) {
    grpc::GenericStub stub(rpc::MakeChannel(gateway));
    Call call(contract_, stub, "ChannelGatewayService", "Receive");
    call.Write(
        absl::Substitute("subscribe { channel_id: $0 epoch: $1 "
                         "credit { messages: 4 bytes: 1000000000 } }",
                         channel_id, epoch));
    std::set<uint64_t> batches;
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const MessagePtr message, call.Read());
      if (const Message* end = Inner(*message, "epoch_end")) {
        EXPECT_EQ(Number(*end, "batches"), batches.size());
        EXPECT_EQ(Number(*end, "failed_batches"), 0u);
        return batches.size();
      }
      const Message* batch = Inner(*message, "batch");
      if (batch == nullptr) return absl::InternalError(message->DebugString());
      const Message& header = *Inner(*batch, "header");
      EXPECT_EQ(Number(header, "channel_id"), channel_id);
      EXPECT_EQ(Number(header, "epoch"), epoch);
      EXPECT_TRUE(batches.insert(Number(header, "batch_index")).second);
      EXPECT_FALSE(Text(*batch, "payload").empty());
      call.Write("credit { messages: 1 bytes: 1 }");
    }
  }

  Contract contract_{GetParam()};
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<grpc::GenericStub> registry_;
};

TEST_P(OlderLoader, TakesWholeEpochs) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MessagePtr joined,
      AskRegistry("Join",
                  "member_name: \"older\" role: ROLE_TRAINER "
                  "lease { seconds: 120 } incarnation: 7"));
  const uint64_t member_id = Number(*joined, "member_id");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MessagePtr backend,
      AskRegistry("InitSamplingBackend",
                  absl::Substitute("member_id: $0 backend_key: \"older\" "
                                   "options { buffer_bytes: 8000000 }",
                                   member_id)));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const MessagePtr input,
      AskRegistry(
          "RegisterSamplingInput",
          absl::Substitute(
              "member_id: $0 backend_id: $1 worker_key: \"worker\" "
              "input { split: SPLIT_TRAIN } "
              "config { type: SAMPLING_TYPE_NODE fanout: [5, 3] "
              "         batch_size: 8 shuffle: true collect_features: true } "
              "control { weight: 1 } failure_policy: FAILURE_POLICY_FAIL",
              member_id, Number(*backend, "backend_id"))));
  const uint64_t channel_id = Number(*input, "channel_id");
  const uint64_t batches = Number(*input, "batches");
  EXPECT_GT(batches, 10u);
  for (const uint64_t epoch : {0, 1}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const MessagePtr started,
        AskRegistry("StartEpoch", absl::Substitute("channel_id: $0 epoch: $1",
                                                   channel_id, epoch)));
    EXPECT_EQ(Number(*started, "batches"), batches);
    EXPECT_THAT(Receive(Text(*input, "gateway_address"), channel_id, epoch),
                IsOkAndHolds(batches));
  }
  {
    Call heartbeat(contract_, *registry_, "RegistryService", "Heartbeat");
    heartbeat.Write(absl::Substitute(
        "member_id: $0 member_name: \"older\" incarnation: 7", member_id));
    EXPECT_THAT(heartbeat.Read(), IsOk());
  }
  EXPECT_THAT(AskRegistry("DestroySamplingInput",
                          absl::Substitute("channel_id: $0", channel_id)),
              IsOk());
  EXPECT_THAT(
      AskRegistry("Leave",
                  absl::Substitute("member_id: $0 incarnation: 7", member_id)),
      IsOk());
}

INSTANTIATE_TEST_SUITE_P(OfAge, OlderLoader,
                         ::testing::Values(Age::kOlder, Age::kNewer),
                         [](const auto& info) {
                           return info.param == Age::kOlder ? "Older" : "Newer";
                         });

}  // namespace
}  // namespace fairlead
