// Callees and those who call them, in one process, over the wire.

#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "libs/dist_rpc/callee_client.h"
#include "libs/dist_rpc/callee_server.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/callee.grpc.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::google::protobuf::Int64Value;
using ::google::protobuf::StringValue;
using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Time Soon() { return absl::Now() + absl::Minutes(2); }

Int64Value Number(int64_t value) {
  Int64Value number;
  number.set_value(value);
  return number;
}

class CalleeTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(const CalleeServer::Options& options) {
    auto server = CalleeServer::Start(options);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    ASSERT_THAT(
        (server_->Register<Int64Value, StringValue>(
            "spell",
            [](const Int64Value& number) -> absl::StatusOr<StringValue> {
              if (number.value() < 0) {
                return absl::OutOfRangeError("below nought");
              }
              if (number.value() > 9) throw std::range_error("too big");
              StringValue text;
              text.set_value(absl::StrCat(number.value()));
              return text;
            })),
        IsOk());
  }

  absl::StatusOr<StringValue> Spell(int64_t number) {
    return client_.Request<StringValue>(server_->address(), "spell",
                                        Number(number), Soon());
  }

  std::unique_ptr<CalleeServer> server_;
  CalleeClient client_;
};

TEST_F(CalleeTest, AnswersOnceOrAnyTime) {
  EXPECT_EQ(Spell(7)->value(), "7");
  std::vector<std::future<absl::StatusOr<StringValue>>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.push_back(client_.RequestAsync<StringValue>(
        server_->address(), "spell", Number(i), Soon()));
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(answers[static_cast<size_t>(i)].get()->value(), absl::StrCat(i));
  }
}

TEST_F(CalleeTest, ErrorsAreTheFunctionsWithItsNameAndPlace) {
  EXPECT_THAT(Spell(-1), StatusIs(absl::StatusCode::kOutOfRange,
                                  AllOf(HasSubstr("callee spell"),
                                        HasSubstr(server_->address()),
                                        HasSubstr("below nought"))));
  EXPECT_THAT(Spell(10),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("too big")));
}

TEST_F(CalleeTest, UnknownNameIsToldWhatThereIs) {
  EXPECT_THAT(client_.Request<StringValue>(server_->address(), "spill",
                                           Number(1), Soon()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("no callee spill"),
                             HasSubstr("there are spell"))));
}

TEST_F(CalleeTest, OtherTypesAreToldWithBoth) {
  EXPECT_THAT(client_.Request<StringValue>(server_->address(), "spell",
                                           StringValue(), Soon()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("(google.protobuf.Int64Value)"),
                             HasSubstr("(google.protobuf.StringValue)"))));
  EXPECT_THAT(client_.Request<Int64Value>(server_->address(), "spell",
                                          Number(1), Soon()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("called as google.protobuf.Int64Value")));
}

TEST_F(CalleeTest, PayloadThatIsNoMessageIsRefused) {
  const auto stub =
      v1::CalleeService::NewStub(rpc::MakeChannel(server_->address()));
  grpc::ClientContext context;
  v1::CallRequest request;
  request.set_name("spell");
  request.set_request_type("google.protobuf.Int64Value");
  request.set_response_type("google.protobuf.StringValue");
  request.set_payload("\xff\xff\xff");
  v1::CallResponse response;
  EXPECT_THAT(rpc::ToAbslStatus(stub->Call(&context, request, &response)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is no google.protobuf.Int64Value")));
}

TEST_F(CalleeTest, NamesAreTakenOnce) {
  const auto same = [](const Int64Value& value) -> absl::StatusOr<Int64Value> {
    return value;
  };
  EXPECT_THAT((server_->Register<Int64Value, Int64Value>("spell", same)),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("spell")));
  EXPECT_THAT((server_->Register<Int64Value, Int64Value>("", same)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT((server_->Register<Int64Value, Int64Value>("same", same)),
              IsOk());
  EXPECT_EQ(
      client_
          .Request<Int64Value>(server_->address(), "same", Number(3), Soon())
          ->value(),
      3);
}

TEST_F(CalleeTest, NobodyThereIsSaidAndNotWaitedFor) {
  const std::string address = server_->address();
  server_ = nullptr;
  EXPECT_THAT(client_.Request<StringValue>(address, "spell", Number(1), Soon()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
}

// A callee that waits until it is let go.
class BusyCalleeTest : public CalleeTest {
 protected:
  void SetUp() override {
    Start({.max_concurrency = 1, .max_queued = 1});
    ASSERT_THAT(
        (server_->Register<Int64Value, Int64Value>(
            "wait",
            [this](const Int64Value& value) -> absl::StatusOr<Int64Value> {
              began_.set_value();
              let_go_.get_future().wait();
              return value;
            })),
        IsOk());
  }

  std::promise<void> began_;
  std::promise<void> let_go_;
};

TEST_F(BusyCalleeTest, CallsBeyondItsRoomAreRefusedAndLateOnesNotRun) {
  auto waiting = client_.RequestAsync<Int64Value>(server_->address(), "wait",
                                                  Number(1), Soon());
  began_.get_future().wait();
  // One of these two has the room, and its deadline is over before its turn.
  const absl::Time late = absl::Now() + absl::Milliseconds(200);
  auto one = client_.RequestAsync<StringValue>(server_->address(), "spell",
                                               Number(1), late);
  auto two = client_.RequestAsync<StringValue>(server_->address(), "spell",
                                               Number(1), late);
  const absl::Status a = one.get().status();
  const absl::Status b = two.get().status();
  EXPECT_TRUE((absl::IsResourceExhausted(a) && absl::IsDeadlineExceeded(b)) ||
              (absl::IsResourceExhausted(b) && absl::IsDeadlineExceeded(a)))
      << a << b;
  let_go_.set_value();
  EXPECT_THAT(waiting.get(), IsOk());
}

TEST_F(BusyCalleeTest, ClientThatEndsCancelsItsCalls) {
  std::future<absl::StatusOr<Int64Value>> waiting;
  {
    CalleeClient client;
    waiting = client.RequestAsync<Int64Value>(server_->address(), "wait",
                                              Number(1), Soon());
    began_.get_future().wait();
  }
  EXPECT_THAT(waiting.get(), StatusIs(absl::StatusCode::kCancelled));
  let_go_.set_value();
}

}  // namespace
}  // namespace fairlead
