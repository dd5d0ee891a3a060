#include "tools/fairleadctl/top_screen.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/activity.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

ClusterActivity TwoChannels() {
  ClusterActivity activity;
  activity.pools["pool"].workers = 2;
  activity.pools["pool"].busy = 1.5;
  activity.gateways["gateway"].status = absl::UnavailableError("away");
  for (const uint64_t id : {1, 2}) {
    ChannelActivity& channel = activity.channels.emplace_back();
    channel.channel.set_channel_id(id);
    channel.channel.set_worker_key(id == 1 ? "first" : "second");
    channel.channel.set_state(v1::CHANNEL_STATE_PARKED);
  }
  activity.channels[0].batches_per_second = 9;
  activity.channels[1].workers = 1.5;
  activity.channels[1].worker_share = 1;
  return activity;
}

std::string Print(const ClusterActivity& activity, TopOrder order,
                  int rows = 0) {
  std::ostringstream out;
  PrintTop(activity, order, rows, /*aligned=*/false, out);
  return out.str();
}

TEST(TopScreen, OrdersChannelsAsAsked) {
  const auto is_first = [](const std::string& text, const char* key) {
    const char* const other = key[0] == 'f' ? "second" : "first";
    return text.find(key) < text.find(other);
  };
  EXPECT_TRUE(is_first(Print(TwoChannels(), TopOrder::kShare), "second"));
  EXPECT_TRUE(is_first(Print(TwoChannels(), TopOrder::kBatches), "first"));
  EXPECT_TRUE(is_first(Print(TwoChannels(), TopOrder::kChannel), "first"));
}

TEST(TopScreen, ShowsWhatIsKnownOfEachService) {
  const std::string text = Print(TwoChannels(), TopOrder::kShare);
  EXPECT_THAT(text, HasSubstr("pool\t1.5\t2\t0.0\t0B\t-\t0\n"));
  EXPECT_THAT(text, HasSubstr("gateway\t-\t-\t?\t?\t?\t-\n"));
  EXPECT_THAT(text, HasSubstr("2\tsecond\tparked\t100%"));
}

TEST(TopScreen, EndsWhereTheScreenDoes) {
  const std::string text = Print(TwoChannels(), TopOrder::kShare, 5);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
}

TEST(TopScreen, OrdersHaveWordsAndKeys) {
  EXPECT_THAT(ParseTopOrder("fill"), IsOkAndHolds(TopOrder::kFill));
  EXPECT_THAT(ParseTopOrder("height"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(TopOrderOfKey('b', TopOrder::kFill), TopOrder::kBatches);
  EXPECT_EQ(TopOrderOfKey('?', TopOrder::kFill), TopOrder::kFill);
}

}  // namespace
}  // namespace fairlead
