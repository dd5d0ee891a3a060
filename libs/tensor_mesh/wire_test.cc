#include "libs/tensor_mesh/wire.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/byte_ring.h"

namespace fairlead::internal {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::Span<const uint8_t> BodyOf(const std::string& frame) {
  return Bytes(frame).subspan(sizeof(FrameHeader));
}

WireRequest SomeRequest() {
  WireRequest request;
  request.pushes.push_back({.key = 7,
                            .bytes = 24,
                            .place = 64,
                            .dtype = v1::DTYPE_FLOAT32,
                            .shape = {2, 3}});
  request.pulls.push_back({.key = 8, .dtype = v1::DTYPE_INT64, .shape = {0}});
  return request;
}

TEST(WireTest, FramesComeBackAsTheyWere) {
  const std::string frame = EncodeRequest(5, SomeRequest(), 24);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FrameHeader header,
                                ParseHeader(Bytes(frame).data()));
  EXPECT_EQ(header.kind, FrameKind::kRequest);
  EXPECT_EQ(header.id, 5u);
  EXPECT_EQ(header.payload_bytes, 24u);
  EXPECT_EQ(header.body_bytes + sizeof(header), frame.size());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const WireRequest request,
                                ParseRequest(BodyOf(frame)));
  EXPECT_EQ(request.pushes[0].key, 7u);
  EXPECT_EQ(request.pushes[0].place, 64u);
  EXPECT_THAT(request.pushes[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(request.pulls[0].dtype, v1::DTYPE_INT64);
  EXPECT_EQ(TotalBytes(request.pushes), 24u);

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const WireReply reply,
      ParseReply(BodyOf(EncodeReply(
          5, {.status = absl::NotFoundError("row"), .stamps = {1, 2, 3, 4}},
          0))));
  EXPECT_EQ(reply.status, absl::NotFoundError("row"));
  EXPECT_THAT(reply.stamps, ElementsAre(1, 2, 3, 4));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const WireHello hello,
      ParseHello(
          BodyOf(EncodeHello({.worker = 3, .life = 7, .token = "secret"}))));
  EXPECT_EQ(hello.worker, 3u);
  EXPECT_EQ(hello.life, 7u);
  EXPECT_EQ(hello.token, "secret");
}

TEST(WireTest, LongErrorsAreCut) {
  const std::string frame = EncodeReply(
      5, {.status = absl::InternalError(std::string(5000, 'x'))}, 0);
  EXPECT_EQ(frame.size(), kMaxReplyFrame);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const WireReply reply,
                                ParseReply(BodyOf(frame)));
  EXPECT_EQ(reply.status.message().size(), kMaxReplyText);
}

// Whatever a peer sends, it is refused or understood; --config=asan says
// whether by reading only what is there.
TEST(WireTest, DamagedFramesAreRefusedOrHarmless) {
  constexpr uint64_t kSeed = 3;
  const std::vector<std::string> frames = {
      EncodeRequest(5, SomeRequest(), 24),
      EncodeReply(5, {.status = absl::NotFoundError("row")}, 0),
      EncodeHello({.worker = 3, .life = 7, .token = "secret"}),
      EncodeReceiveBuffer({.key = 1, .offset = 2, .bytes = 3})};
  RandomStream random(kSeed, 0, 0);
  for (int round = 0; round < 20000; ++round) {
    std::string frame = frames[random.Below(frames.size())];
    for (uint64_t i = 0; i <= random.Below(3); ++i) {
      frame[random.Below(frame.size())] = static_cast<char>(random.Next32());
    }
    // (A copy of its own, so that reading beyond it is found.)
    const std::vector<uint8_t> body(frame.begin() + sizeof(FrameHeader),
                                    frame.end() - random.Below(8));
    ParseHeader(Bytes(frame).data()).IgnoreError();
    const auto request = ParseRequest(body);
    if (request.ok()) {
      for (const WireTensor& tensor : request->pushes) {
        EXPECT_THAT(CheckMeshTensor(tensor.dtype, tensor.shape, tensor.bytes),
                    IsOk())
            << "seed " << kSeed << ", round " << round;
      }
    }
    ParseReply(body).IgnoreError();
    ParseHello(body).IgnoreError();
    ParseReceiveBuffer(body).IgnoreError();
  }
}

struct Ring {
  ByteRingHeader header;
  std::vector<uint8_t> data = std::vector<uint8_t>(256);
  ByteRingWriter writer{header, absl::MakeSpan(data)};
  ByteRingReader reader{header, data};
};

TEST(ByteRingTest, FramesOfAnySizeComeOutInOrder) {
  constexpr uint64_t kSeed = 11;
  Ring ring;
  RandomStream random(kSeed, 0, 0);
  std::vector<std::string> sent;
  std::vector<uint8_t> frame;
  for (int round = 0; round < 5000; ++round) {
    const std::string next(1 + random.Below(120),
                           static_cast<char>('a' + round % 26));
    if (ring.writer.HasRoom(next.size())) {
      ring.writer.Write(next);
      sent.push_back(next);
    } else {
      ASSERT_FALSE(sent.empty()) << "seed " << kSeed;
      ASSERT_THAT(ring.reader.Read(frame), IsOkAndHolds(true));
      ASSERT_EQ(std::string(frame.begin(), frame.end()), sent.front());
      sent.erase(sent.begin());
    }
  }
  for (const std::string& rest : sent) {
    ASSERT_THAT(ring.reader.Read(frame), IsOkAndHolds(true));
    ASSERT_EQ(std::string(frame.begin(), frame.end()), rest);
  }
  EXPECT_THAT(ring.reader.Read(frame), IsOkAndHolds(false));
}

TEST(ByteRingTest, DamageIsFound) {
  std::vector<uint8_t> frame;
  Ring lying;
  lying.header.written = 1000;
  EXPECT_THAT(lying.reader.Read(frame), StatusIs(absl::StatusCode::kDataLoss));
  Ring huge;
  huge.writer.Write("12345678");
  huge.data[1] = 0xFF;  // of the length
  EXPECT_THAT(huge.reader.Read(frame), StatusIs(absl::StatusCode::kDataLoss));
  Ring behind;
  behind.header.read = 7;  // more than was written
  EXPECT_FALSE(behind.writer.HasRoom(8));
}

}  // namespace
}  // namespace fairlead::internal
