#include "libs/loader/prefetch_tuner.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace fairlead {
namespace {

constexpr uint64_t kFirst = 4;
constexpr uint64_t kLeast = 2;

// Of a round's time; what a trainer waits less than that costs it nothing that
// could be told from noise.
constexpr double kNotable = 0.02;
// Times the fastest: messages that take longer have waited on their way.
constexpr double kWaited = 2;
// Rounds without a wait, until what was to spare in all of them is believed.
constexpr uint64_t kCalmRounds = 8;
constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

}  // namespace

PrefetchTuner::PrefetchTuner(uint64_t size, uint64_t most)
    : least_(size == kAutoPrefetch ? std::min(kLeast, most) : size),
      most_(size == kAutoPrefetch ? most : size),
      size_(std::clamp(kFirst, least_, most_)),
      spare_(kNone) {}

void PrefetchTuner::OnStream(uint64_t credit, absl::Duration now) {
  if (IsFixed()) return;
  asked_at_.assign(credit, now);
  fastest_ = absl::InfiniteDuration();
  // The first that come tell how long the server takes to begin.
  round_ = {.size = 0};
  calm_rounds_ = 0;
  spare_ = kNone;
}

void PrefetchTuner::OnGrant(uint64_t credit, absl::Duration now) {
  if (IsFixed()) return;
  asked_at_.insert(asked_at_.end(), credit, now);
}

void PrefetchTuner::OnMessage(absl::Duration now) {
  if (IsFixed() || asked_at_.empty()) return;
  const absl::Duration on_the_way = now - asked_at_.front();
  asked_at_.pop_front();
  fastest_ = std::min(fastest_, on_the_way);
  round_.on_the_way += on_the_way;
  ++round_.messages;
}

void PrefetchTuner::OnTake(uint64_t here, absl::Duration waited,
                           absl::Duration now) {
  if (IsFixed()) return;
  spare_ = std::min(spare_, here);
  ++round_.takes;
  if (round_.size == 0) {  // of a new stream
    if (round_.takes >= size_) BeginRound(waited, now);
  } else if (round_.takes >= round_.size) {
    EndRound(waited, now);
    BeginRound(waited, now);
  }
}

void PrefetchTuner::BeginRound(absl::Duration waited, absl::Duration now) {
  round_ = {.began = now, .waited_before = waited, .size = size_};
}

void PrefetchTuner::EndRound(absl::Duration waited, absl::Duration now) {
  const absl::Duration wait = waited - round_.waited_before;
  if (wait > kNotable * (now - round_.began)) {
    calm_rounds_ = 0;
    spare_ = kNone;
    const bool credit_waits =
        round_.messages == 0 ||
        round_.on_the_way >
            kWaited * fastest_ * static_cast<double>(round_.messages);
    if (!credit_waits) size_ = std::min(most_, size_ + (size_ + 3) / 4);
    return;
  }
  if (++calm_rounds_ < kCalmRounds) return;
  // A quarter stays in hand, so that it does not shrink into a wait.
  if (spare_ >= std::max<uint64_t>(2, size_ / 4)) {
    size_ = std::max(least_, size_ - (size_ + 7) / 8);
  }
  calm_rounds_ = 0;
  spare_ = kNone;
}

}  // namespace fairlead
