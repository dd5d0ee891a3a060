#include "services/channel_gateway/subscription.h"

#include <cstdint>
#include <random>

#include "gtest/gtest.h"
#include "libs/tensor_message/message_tag.h"

namespace fairlead {
namespace {

using Kind = ChannelMessageTag::Kind;
using Verdict = Subscription::Verdict;

TEST(Subscription, JudgesByEpochThenAttempt) {
  const Subscription subscription({.epoch = 2, .attempt = 1});
  for (uint64_t epoch = 0; epoch < 5; ++epoch) {
    for (uint32_t attempt = 0; attempt < 4; ++attempt) {
      const bool earlier = epoch < 2 || (epoch == 2 && attempt < 1);
      const bool same = epoch == 2 && attempt == 1;
      EXPECT_EQ(subscription.Judge({.kind = Kind::kBatch,
                                    .epoch = epoch,
                                    .attempt = attempt,
                                    .batch_index = 7}),
                earlier ? Verdict::kDrop
                : same  ? Verdict::kSend
                        : Verdict::kHold)
          << "epoch " << epoch << ", attempt " << attempt;
    }
  }
}

TEST(Subscription, SendsOnlyEndsWithoutCredit) {
  const Subscription subscription({});
  EXPECT_FALSE(subscription.MaySend(Kind::kBatch));
  EXPECT_FALSE(subscription.MaySend(Kind::kBatchError));
  EXPECT_TRUE(subscription.MaySend(Kind::kEpochEnd));
}

TEST(Subscription, HugeCreditDoesNotWrap) {
  Subscription subscription({});
  subscription.AddCredit(UINT64_MAX, UINT64_MAX);
  subscription.AddCredit(UINT64_MAX, UINT64_MAX);
  EXPECT_TRUE(subscription.MaySend(Kind::kBatch));
}

// Whatever comes in whichever order: what may be sent is what credit says,
// and the reader gets at most one message beyond its bytes.
TEST(Subscription, SpendsNoMoreThanItsCredit) {
  std::mt19937_64 random(20240917);
  for (int round = 0; round < 200; ++round) {
    Subscription subscription({});
    int64_t messages = 0;
    int64_t bytes = 0;
    for (int step = 0; step < 200; ++step) {
      if (random() % 4 == 0) {
        const uint64_t more_messages = random() % 4;
        const uint64_t more_bytes = random() % 300;
        subscription.AddCredit(more_messages, more_bytes);
        messages += static_cast<int64_t>(more_messages);
        bytes += static_cast<int64_t>(more_bytes);
      }
      const Kind kind = random() % 8 == 0   ? Kind::kEpochEnd
                        : random() % 8 == 0 ? Kind::kBatchError
                                            : Kind::kBatch;
      const bool expected =
          kind == Kind::kEpochEnd || (messages > 0 && bytes > 0);
      ASSERT_EQ(subscription.MaySend(kind), expected)
          << "round " << round << ", step " << step << ": " << messages
          << " messages, " << bytes << " bytes left";
      if (!expected) continue;
      const uint64_t size = random() % 500;
      subscription.Spend(kind, size);
      if (kind != Kind::kEpochEnd) --messages;
      if (kind == Kind::kBatch) bytes -= static_cast<int64_t>(size);
    }
  }
}

}  // namespace
}  // namespace fairlead
