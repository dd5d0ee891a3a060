#include "libs/loader/prefetch_tuner.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <ostream>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

constexpr uint64_t kRing = 64;  // messages that a server makes ahead

// A server, a link and a trainer; all times as they are without the others.
struct Road {
  absl::Duration way;    // of credit there and of a message back, together
  absl::Duration sent;   // a message takes so much of the link's time
  absl::Duration made;   // a batch, of the sampler's
  absl::Duration step;   // of the trainer's
  double jitter = 0;     // of `way` and `step`: up to so many parts more
  absl::Duration start;  // until the server begins

  // Of what takes longest: nothing can be faster.
  absl::Duration Slowest() const { return std::max({sent, made, step}); }
  // Little's law: what hides the way.
  double Needed() const {
    return absl::FDivDuration(way * (1 + jitter) + sent, Slowest()) + 1;
  }
};

std::ostream& operator<<(std::ostream& out, const Road& road) {
  return out << "way " << road.way << ", sent " << road.sent << ", made "
             << road.made << ", step " << road.step << ", jitter "
             << road.jitter;
}

struct Drive {
  std::vector<uint64_t> sizes;  // after each take
  absl::Duration took;
  absl::Duration waited;
  absl::Duration waited_at_last;  // in the last quarter of the batches
  absl::Duration took_at_last;
};

// A stream of so many batches over the road, as ServerEpoch gives credit.
class Simulation {
 public:
  Simulation(const Road& road, uint64_t seed) : road_(road), seed_(seed) {}

  Drive Receive(PrefetchTuner& tuner, uint64_t batches) {
    Drive drive;
    const absl::Duration began = now_;
    const absl::Duration waited = waited_;
    absl::Duration last_began;
    absl::Duration last_waited;
    free_at_ = made_at_ = arrived_at_ = now_ + road_.start;
    to_come_.clear();
    left_.clear();
    uint64_t here = 0;
    tuner.OnStream(tuner.size(), now_);
    Ask(tuner.size());
    for (uint64_t i = 0; i < batches; ++i) {
      if (i == batches * 3 / 4) {
        last_began = now_;
        last_waited = waited_;
      }
      if (here == 0 && to_come_.front() > now_) {
        waited_ += to_come_.front() - now_;
        now_ = to_come_.front();
      }
      while (!to_come_.empty() && to_come_.front() <= now_) {
        tuner.OnMessage(to_come_.front());
        to_come_.pop_front();
        ++here;
      }
      --here;
      tuner.OnTake(here, waited_, now_);
      const uint64_t has = to_come_.size() + here;
      const uint64_t more = tuner.size() - std::min(has, tuner.size());
      tuner.OnGrant(more, now_);
      Ask(more);
      drive.sizes.push_back(tuner.size());
      now_ += road_.step * (1 + Random() * road_.jitter);
    }
    drive.took = now_ - began;
    drive.waited = waited_ - waited;
    drive.took_at_last = now_ - last_began;
    drive.waited_at_last = waited_ - last_waited;
    return drive;
  }

  void set_road(const Road& road) { road_ = road; }

 private:
  double Random() {
    return Philox4x32({draws_++, 0, 0, 0}, seed_)[0] * std::pow(2.0, -32);
  }

  // When each of what is asked for now comes.
  void Ask(uint64_t credit) {
    for (; credit > 0; --credit) {
      // The sampler works ahead, as far as its buffer lets it.
      if (left_.size() == kRing) {
        made_at_ = std::max(made_at_, left_.front());
        left_.pop_front();
      }
      made_at_ += road_.made;
      free_at_ = std::max({now_ + road_.way / 2, made_at_, free_at_});
      left_.push_back(free_at_);
      free_at_ += road_.sent;
      arrived_at_ =
          std::max(arrived_at_, free_at_ + road_.way / 2 +
                                    road_.way * (Random() * road_.jitter));
      to_come_.push_back(arrived_at_);
    }
  }

  Road road_;
  const uint64_t seed_;
  uint32_t draws_ = 0;
  absl::Duration now_;
  absl::Duration waited_;
  absl::Duration made_at_;
  absl::Duration free_at_;     // the link
  absl::Duration arrived_at_;  // the last message: they do not overtake
  std::deque<absl::Duration> to_come_;
  std::deque<absl::Duration> left_;  // the server, of the last kRing
};

Drive Over(const Road& road, uint64_t batches = 4000, uint64_t most = 64) {
  PrefetchTuner tuner(kAutoPrefetch, most);
  return Simulation(road, /*seed=*/1).Receive(tuner, batches);
}

TEST(PrefetchTuner, SizeThatIsGivenStays) {
  PrefetchTuner tuner(3, /*most=*/64);
  const Road far = {.way = absl::Milliseconds(100)};
  EXPECT_THAT(Simulation(far, 1).Receive(tuner, 1000).sizes, Each(3));
}

TEST(PrefetchTuner, GrowsUntilTheLinksLengthIsHidden) {
  const Drive drive = Over({.way = absl::Milliseconds(100),
                            .sent = absl::Microseconds(100),
                            .made = absl::Milliseconds(1),
                            .step = absl::Milliseconds(5)});
  EXPECT_GE(drive.sizes.back(), 20u);
  EXPECT_LE(drive.sizes.back(), 32u);
  EXPECT_EQ(drive.waited_at_last, absl::ZeroDuration());
}

TEST(PrefetchTuner, StaysSmallWhereTheTrainerIsSlow) {
  EXPECT_LE(Over({.way = absl::Milliseconds(1),
                  .sent = absl::Microseconds(100),
                  .made = absl::Milliseconds(2),
                  .step = absl::Milliseconds(50)})
                .sizes.back(),
            3u);
}

// More credit would only wait in front of the link.
TEST(PrefetchTuner, StaysSmallWhereTheLinkIsNarrow) {
  const Drive drive =
      Over({.way = absl::Milliseconds(1), .sent = absl::Milliseconds(30)});
  EXPECT_THAT(drive.sizes, Each(Le(8)));
}

// More credit would only wait at the pool.
TEST(PrefetchTuner, StaysSmallWhereTheSamplerIsSlow) {
  const Drive drive =
      Over({.way = absl::Milliseconds(1), .made = absl::Milliseconds(30)});
  EXPECT_THAT(drive.sizes, Each(Le(8)));
}

TEST(PrefetchTuner, IsNeverMoreThanItMayBe) {
  const Road far = {.way = absl::Seconds(1), .step = absl::Milliseconds(1)};
  for (const uint64_t most : {1, 2, 3, 10}) {
    const Drive drive = Over(far, /*batches=*/1000, most);
    EXPECT_THAT(drive.sizes, Each(Le(most)));
    EXPECT_EQ(drive.sizes.back(), most);
  }
}

TEST(PrefetchTuner, ShrinksOnceTheTrainerHasBecomeSlow) {
  PrefetchTuner tuner(kAutoPrefetch, /*most=*/64);
  Road road = {.way = absl::Milliseconds(100), .step = absl::Milliseconds(3)};
  Simulation simulation(road, 1);
  EXPECT_GT(simulation.Receive(tuner, 3000).sizes.back(), 30u);
  road.step = absl::Milliseconds(200);
  simulation.set_road(road);
  const Drive slow = simulation.Receive(tuner, 6000);
  EXPECT_LE(slow.sizes.back(), 4u);
  EXPECT_LE(slow.waited, absl::Milliseconds(100));  // for the first batch
}

// Each epoch begins with a wait, which no prefetch can hide.
TEST(PrefetchTuner, BeginningOfAnEpochIsNoReasonToGrow) {
  PrefetchTuner tuner(kAutoPrefetch, /*most=*/64);
  Simulation simulation({.way = absl::Milliseconds(1),
                         .made = absl::Milliseconds(2),
                         .step = absl::Milliseconds(10),
                         .start = absl::Seconds(1)},
                        1);
  for (int epoch = 0; epoch < 100; ++epoch) {
    EXPECT_THAT(simulation.Receive(tuner, 20).sizes, Each(Le(4)));
  }
}

// Each epoch is a stream of its own; what was found holds in the next.
TEST(PrefetchTuner, GrowsOverShortEpochs) {
  PrefetchTuner tuner(kAutoPrefetch, /*most=*/64);
  Simulation simulation(
      {.way = absl::Milliseconds(100), .step = absl::Milliseconds(5)}, 1);
  for (int epoch = 0; epoch < 20; ++epoch) simulation.Receive(tuner, 100);
  EXPECT_GE(tuner.size(), 20u);
}

// Whatever the road: within its bounds, near what is needed, and at rest.
TEST(PrefetchTuner, FindsWhatAnyRoadNeeds) {
  constexpr uint64_t kMost = 64;
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const PhiloxBlock random = Philox4x32({seed, 0, 0, 0}, /*key=*/7);
    // From `least` on, over so many powers of two, evenly.
    const auto draw = [&](int i, absl::Duration least, int powers) {
      return least * std::exp2(powers * random[i] * std::pow(2.0, -32));
    };
    const Road road = {.way = draw(0, absl::Microseconds(100), 11),
                       .sent = draw(1, absl::Microseconds(50), 9),
                       .made = draw(2, absl::Microseconds(50), 9),
                       .step = draw(3, absl::Microseconds(50), 9),
                       .jitter = (seed % 4) * 0.1};
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ": " << road);
    PrefetchTuner tuner(kAutoPrefetch, kMost);
    const Drive drive = Simulation(road, seed).Receive(tuner, 8000);
    ASSERT_THAT(drive.sizes, Each(AllOf(Ge(2u), Le(kMost))));

    const std::vector<uint64_t> at_last(drive.sizes.end() - 4000,
                                        drive.sizes.end());
    const auto [low, high] =
        std::minmax_element(at_last.begin(), at_last.end());
    EXPECT_LE(*high, *low * 3 / 2 + 1);
    // Twice the need, and a step beyond: before that credit is not seen to
    // wait.
    EXPECT_LE(*high, 2.5 * road.Needed() + 4);

    // What the trainer waits beyond what it must, for something slower.
    const absl::Duration least = 2000 * (road.Slowest() - road.step);
    const bool is_bound = road.Needed() > kMost;
    if (is_bound) {
      EXPECT_GE(*high, kMost / 2);
    } else {
      EXPECT_LE(drive.waited_at_last - least, 0.1 * drive.took_at_last);
    }
  }
}

}  // namespace
}  // namespace fairlead
