#include "libs/tensor_message/tensor_message.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/message_tag.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::MessageHeader Header(uint64_t epoch, uint64_t batch_index) {
  v1::MessageHeader header;
  header.set_channel_id(7);
  header.set_epoch(epoch);
  header.set_batch_index(batch_index);
  header.set_attempt(2);
  return header;
}

std::vector<TensorSpec> Specs() {
  return {{"ids", v1::DTYPE_INT64, {3}},
          {"nfeats", v1::DTYPE_FLOAT32, {3, 5}},
          {"empty", v1::DTYPE_INT64, {0}},
          {"scalar", v1::DTYPE_UINT8, {}}};
}

// A message whose tensors' bytes count up from `first`.
std::vector<uint8_t> Encode(const v1::MessageHeader& header, uint8_t first = 0,
                            std::vector<TensorSpec> specs = Specs()) {
  const MessageLayout layout = MessageLayout::Plan(header, specs).value();
  std::vector<uint8_t> message(layout.total_bytes(), 0xEE);
  layout.WriteFrame(absl::MakeSpan(message));
  for (size_t i = 0; i < specs.size(); ++i) {
    for (uint8_t& byte :
         layout.tensor_bytes(absl::MakeSpan(message), static_cast<int>(i))) {
      byte = first++;
    }
  }
  return message;
}

TEST(TensorMessageTest, ReadsBackWhatWasWritten) {
  const std::vector<uint8_t> message = Encode(Header(3, 4));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const TensorMessage parsed,
                                ParseTensorMessage(message));

  EXPECT_EQ(parsed.header.channel_id(), 7u);
  EXPECT_EQ(parsed.header.epoch(), 3u);
  EXPECT_EQ(parsed.header.batch_index(), 4u);
  EXPECT_EQ(parsed.header.attempt(), 2u);
  ASSERT_EQ(parsed.tensors.size(), 4u);
  const TensorView& features = *parsed.Find("nfeats");
  EXPECT_EQ(features.dtype, v1::DTYPE_FLOAT32);
  EXPECT_THAT(features.shape, ElementsAre(3, 5));
  ASSERT_EQ(features.bytes.size(), 60u);
  EXPECT_EQ(features.bytes[0], 24);
  EXPECT_EQ(parsed.Find("empty")->bytes.size(), 0u);
  EXPECT_THAT(parsed.Find("scalar")->bytes, ElementsAre(84));
  EXPECT_EQ(parsed.Find("none"), nullptr);
}

TEST(TensorMessageTest, IsAnOrdinaryProtobufMessage) {
  const std::vector<uint8_t> message = Encode(Header(3, 4));

  v1::SampleMessage decoded;
  ASSERT_TRUE(
      decoded.ParseFromArray(message.data(), static_cast<int>(message.size())));

  EXPECT_EQ(decoded.header().tensors(1).name(), "nfeats");
  EXPECT_EQ(decoded.header().tensors(1).offset(), 64u);
  EXPECT_EQ(decoded.padding(), std::string(decoded.padding().size(), '\0'));
  EXPECT_EQ(decoded.payload()[64], 24);
  // Nothing but what protobuf itself would have written.
  std::string again;
  ASSERT_TRUE(decoded.SerializeToString(&again));
  EXPECT_EQ(again, std::string(message.begin(), message.end()));
}

TEST(TensorMessageTest, EveryTensorIsAlignedWhateverTheHeadersLength) {
  for (size_t length = 1; length < 200; ++length) {
    const std::vector<TensorSpec> specs = {
        {std::string(length, 'n'), v1::DTYPE_UINT8, {7}},
        {"b", v1::DTYPE_INT16, {9}}};
    const MessageLayout layout =
        MessageLayout::Plan(Header(0, length), specs).value();
    std::vector<uint8_t> message(layout.total_bytes());
    for (int i = 0; i < 2; ++i) {
      const auto offset =
          layout.tensor_bytes(absl::MakeSpan(message), i).data() -
          message.data();
      EXPECT_EQ(offset % 64, 0) << length;
    }
    layout.WriteFrame(absl::MakeSpan(message));
    EXPECT_THAT(ParseTensorMessage(message), IsOk()) << length;
  }
}

TEST(TensorMessageTest, StampsAreReadBackAndChangeNothingElse) {
  const v1::MessageHeader header = Header(1, 2);
  const MessageLayout layout = MessageLayout::Plan(header, Specs()).value();
  std::vector<uint8_t> message = Encode(header);
  const uint64_t digest = ContentDigest(ParseTensorMessage(message).value());
  v1::TraceStamps trace;
  trace.set_queued_ns(10);
  trace.set_started_ns(20);
  trace.set_sampled_ns(30);
  trace.set_committed_ns(0x0102030405060708);

  layout.Stamp(absl::MakeSpan(message), trace);

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const TensorMessage parsed,
                                ParseTensorMessage(message));
  EXPECT_EQ(parsed.header.trace().queued_ns(), 10u);
  EXPECT_EQ(parsed.header.trace().started_ns(), 20u);
  EXPECT_EQ(parsed.header.trace().sampled_ns(), 30u);
  EXPECT_EQ(parsed.header.trace().features_ns(), 0u);
  EXPECT_EQ(parsed.header.trace().committed_ns(), 0x0102030405060708u);
  EXPECT_EQ(ContentDigest(parsed), digest);
}

TEST(TensorMessageTest, BadSpecsAreNamed) {
  const auto plan = [](std::vector<TensorSpec> specs) {
    return MessageLayout::Plan(Header(0, 0), specs).status();
  };
  EXPECT_THAT(plan({{"x", v1::DTYPE_UNSPECIFIED, {1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
  EXPECT_THAT(plan({{"x", v1::DTYPE_INT8, {-1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("-1")));
  EXPECT_THAT(plan({{"x", v1::DTYPE_INT8, {1}}, {"x", v1::DTYPE_INT8, {1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(plan({{"", v1::DTYPE_INT8, {1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(plan({{"x", v1::DTYPE_INT64, {1 << 20, 1 << 20, 1 << 30}}}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(TensorMessageTest, TruncatedMessageIsDataLoss) {
  const std::vector<uint8_t> message = Encode(Header(3, 4));
  for (size_t length = 0; length < message.size(); ++length) {
    EXPECT_THAT(ParseTensorMessage(absl::MakeConstSpan(message.data(), length)),
                StatusIs(absl::StatusCode::kDataLoss))
        << length;
  }
}

// messages.proto: a reader checks that what is between tensors is zeros, so no
// byte of a message can change unseen but those of its tensors and stamps.
TEST(TensorMessageTest, EveryByteOfPaddingIsChecked) {
  const std::vector<TensorSpec> specs = {{"a", v1::DTYPE_UINT8, {7}},
                                         {"b", v1::DTYPE_INT16, {9}}};
  const MessageLayout layout = MessageLayout::Plan(Header(3, 4), specs).value();
  std::vector<uint8_t> message(layout.total_bytes());
  layout.WriteFrame(absl::MakeSpan(message));
  v1::SampleMessage decoded;
  ASSERT_TRUE(
      decoded.ParseFromArray(message.data(), static_cast<int>(message.size())));
  const size_t payload = message.size() - decoded.payload().size();
  const size_t before_padding =
      payload - 2 - decoded.padding().size();  // payload's tag and length

  std::vector<size_t> zeros;
  for (size_t at = before_padding; at < payload - 2; ++at) zeros.push_back(at);
  for (size_t at = payload + 7; at < payload + 64; ++at) zeros.push_back(at);
  ASSERT_GT(zeros.size(), 57u) << "this header leaves no padding to test";
  for (const size_t at : zeros) {
    std::vector<uint8_t> bad = message;
    ASSERT_EQ(bad[at], 0) << at;
    bad[at] = 1;
    EXPECT_THAT(ParseTensorMessage(bad),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("zero")))
        << at;
  }
}

TEST(TensorMessageTest, BytesBehindTheLastTensorAreDataLoss) {
  v1::SampleMessage sample;
  ASSERT_TRUE(sample.ParseFromString([] {
    const std::vector<uint8_t> message = Encode(Header(3, 4));
    return std::string(message.begin(), message.end());
  }()));
  sample.mutable_payload()->append(3, '\0');
  const std::string longer = sample.SerializeAsString();
  EXPECT_THAT(
      ParseTensorMessage(absl::MakeConstSpan(
          reinterpret_cast<const uint8_t*>(longer.data()), longer.size())),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("last tensor")));
}

// Its bytes are none, but whoever multiplies its dimensions overflows.
TEST(TensorMessageTest, EmptyTensorOfAbsurdShapeIsRefused) {
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_THAT(MessageLayout::Plan(Header(0, 0),
                                  {{"x", v1::DTYPE_INT8, {0, kHuge, kHuge}}}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(
      MessageLayout::Plan(Header(0, 0), {{"x", v1::DTYPE_INT8, {0, 128}}}),
      IsOk());
}

// Whatever the bytes, the reader answers, and all views lie within them.
TEST(TensorMessageTest, DamagedBytesNeverLeadOutsideTheMessage) {
  const std::vector<uint8_t> good = Encode(Header(3, 4));
  for (uint64_t round = 0; round < 20'000; ++round) {
    RandomStream random(17, round, 0);
    std::vector<uint8_t> bad = good;
    const uint64_t changes = 1 + random.Below(4);
    for (uint64_t i = 0; i < changes; ++i) {
      bad[random.Below(bad.size())] = static_cast<uint8_t>(random.Next32());
    }
    if (random.Below(4) == 0) bad.resize(random.Below(bad.size() + 1));
    const absl::StatusOr<TensorMessage> parsed = ParseTensorMessage(bad);
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.status().code(), absl::StatusCode::kDataLoss);
      continue;
    }
    for (const TensorView& tensor : parsed->tensors) {
      if (tensor.bytes.empty()) continue;
      ASSERT_GE(tensor.bytes.data(), bad.data());
      ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(),
                bad.data() + bad.size());
    }
  }
}

TEST(ContentDigestTest, DependsOnContentAndPlaceOnly) {
  const auto digest = [](const std::vector<uint8_t>& message) {
    return ContentDigest(ParseTensorMessage(message).value());
  };
  const uint64_t base = digest(Encode(Header(1, 2)));
  v1::MessageHeader other_attempt = Header(1, 2);
  other_attempt.set_attempt(9);
  other_attempt.set_channel_id(9);
  EXPECT_EQ(digest(Encode(other_attempt)), base);
  EXPECT_NE(digest(Encode(Header(1, 3))), base);
  EXPECT_NE(digest(Encode(Header(2, 2))), base);
  EXPECT_NE(digest(Encode(Header(1, 2), /*first=*/1)), base);
  std::vector<TensorSpec> renamed = Specs();
  renamed[0].name = "sdi";
  EXPECT_NE(digest(Encode(Header(1, 2), 0, renamed)), base);
}

TEST(ContentDigestTest, OrderOfTensorsDoesNotCount) {
  const auto encode = [](bool reversed) {
    std::vector<TensorSpec> specs = {{"a", v1::DTYPE_UINT8, {2}},
                                     {"b", v1::DTYPE_UINT8, {2}}};
    if (reversed) std::swap(specs[0], specs[1]);
    const MessageLayout layout =
        MessageLayout::Plan(Header(0, 0), specs).value();
    std::vector<uint8_t> message(layout.total_bytes());
    layout.WriteFrame(absl::MakeSpan(message));
    for (int i = 0; i < 2; ++i) {
      const auto bytes = layout.tensor_bytes(absl::MakeSpan(message), i);
      bytes[0] = bytes[1] = static_cast<uint8_t>(specs[i].name[0]);
    }
    return ContentDigest(ParseTensorMessage(message).value());
  };
  EXPECT_EQ(encode(false), encode(true));
}

TEST(ChannelMessageTagTest, ReadsBackWhatWasWrittenAndNothingElse) {
  const ChannelMessageTag tag{.kind = ChannelMessageTag::Kind::kBatchError,
                              .epoch = 5,
                              .attempt = 6,
                              .batch_index = 7};
  const auto decoded = ChannelMessageTag::Decode(tag.Encode());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->kind, tag.kind);
  EXPECT_EQ(decoded->epoch, 5u);
  EXPECT_EQ(decoded->attempt, 6u);
  EXPECT_EQ(decoded->batch_index, 7u);
  EXPECT_FALSE(ChannelMessageTag::Decode({0, 1, 1, 1}).has_value());
  EXPECT_FALSE(ChannelMessageTag::Decode({4, 1, 1, 1}).has_value());
  EXPECT_FALSE(
      ChannelMessageTag::Decode({1, 1, uint64_t{1} << 32, 1}).has_value());
}

}  // namespace
}  // namespace fairlead
