#include "libs/tensor_message/trace_stamps.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

v1::TraceStamps Stamps() {
  v1::TraceStamps stamps;
  stamps.set_queued_ns(10);
  stamps.set_started_ns(20);
  stamps.set_sampled_ns(30);
  stamps.set_features_ns(uint64_t{1} << 60);
  stamps.set_committed_ns((uint64_t{1} << 60) + 1);
  return stamps;
}

// As a sampler writes one.
std::vector<uint8_t> Message() {
  v1::MessageHeader header;
  header.set_channel_id(UINT64_MAX);
  header.set_epoch(1);
  header.set_batch_index(300);
  const auto layout = MessageLayout::Plan(
      header, {{.name = "batch", .dtype = v1::DTYPE_INT64, .shape = {3}}});
  EXPECT_THAT(layout, testing::IsOk());
  std::vector<uint8_t> message(layout->total_bytes());
  layout->WriteFrame(absl::MakeSpan(message));
  layout->Stamp(absl::MakeSpan(message), Stamps());
  return message;
}

absl::Span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(TraceStamps, AreThoseThatTheWriterSet) {
  const std::optional<v1::TraceStamps> stamps = ReadTraceStamps(Message());
  ASSERT_TRUE(stamps.has_value());
  EXPECT_EQ(stamps->SerializeAsString(), Stamps().SerializeAsString());
}

TEST(TraceStamps, OfAMessageWithoutThemAreNone) {
  v1::SampleMessage message;
  message.mutable_header()->set_channel_id(1);
  message.mutable_header()->add_tensors()->set_name("ids");
  EXPECT_FALSE(ReadTraceStamps(BytesOf(message.SerializeAsString())));
  EXPECT_FALSE(ReadTraceStamps({}));
}

TEST(TraceStamps, AreFoundBehindFieldsOfALaterVersion) {
  v1::SampleMessage message;
  *message.mutable_header()->mutable_trace() = Stamps();
  const std::string field_31("\xfa\x01\x02xy", 5);
  const std::string header = field_31 + message.header().SerializeAsString();
  const std::string bytes =
      std::string("\x0a", 1) + static_cast<char>(header.size()) + header;
  const auto stamps = ReadTraceStamps(BytesOf(bytes));
  ASSERT_TRUE(stamps.has_value());
  EXPECT_EQ(stamps->queued_ns(), 10u);
}

// Whatever the bytes are, it reads none that are not there (asan looks) and
// comes to an end.
TEST(TraceStamps, OfCutAndDamagedMessagesAreNoneOrTheirOwn) {
  const std::vector<uint8_t> message = Message();
  for (size_t length = 0; length < message.size(); ++length) {
    const std::vector<uint8_t> cut(message.begin(), message.begin() + length);
    const auto stamps = ReadTraceStamps(cut);
    if (!stamps.has_value()) continue;
    EXPECT_EQ(stamps->SerializeAsString(), Stamps().SerializeAsString());
  }
  for (size_t at = 0; at < 128; ++at) {
    for (const uint8_t value : {0x00, 0x0a, 0x2a, 0x7f, 0x80, 0xff}) {
      std::vector<uint8_t> damaged = message;
      damaged[at] = value;
      (void)ReadTraceStamps(damaged);
    }
  }
}

}  // namespace
}  // namespace fairlead
