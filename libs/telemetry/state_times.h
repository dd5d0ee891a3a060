#ifndef FAIRLEAD_LIBS_TELEMETRY_STATE_TIMES_H_
#define FAIRLEAD_LIBS_TELEMETRY_STATE_TIMES_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/time/time.h"

namespace fairlead {

// How long something has been in each of a few states, summed over all its
// stays. `State` is an enum whose values count from 0 to kStates - 1; in none
// of them it need not be at all.
//
//   StateTimes<Light, 2> times;
//   times.Enter(Light::kRed, now);
//   times.Enter(Light::kGreen, now + absl::Seconds(3));
//   times.In(Light::kRed, now + absl::Seconds(9));  // 3 s
//
// No clock of its own: `now` never goes back. Thread-compatible.
template <typename State, size_t kStates>
class StateTimes {
 public:
  // From now on it is in `state`; nullopt for none of them. Nothing if it is
  // there already.
  void Enter(std::optional<State> state, absl::Duration now) {
    if (state == state_) return;
    if (state_.has_value()) {
      past_[static_cast<size_t>(*state_)] += now - since_;
    }
    state_ = state;
    since_ = now;
  }

  // Up to now, the present stay included.
  absl::Duration In(State state, absl::Duration now) const {
    const absl::Duration past = past_[static_cast<size_t>(state)];
    return state_ == state ? past + (now - since_) : past;
  }

 private:
  std::array<absl::Duration, kStates> past_{};
  std::optional<State> state_;
  absl::Duration since_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_STATE_TIMES_H_
