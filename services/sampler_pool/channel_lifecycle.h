#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_LIFECYCLE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_LIFECYCLE_H_

#include <cstdint>
#include <optional>

namespace fairlead {

// A channel's life in a pool (parity DS-40 to DS-42):
//
//                    kMade                    kDamaged
//   kInitialising ──────────► kReady ─────────────────────► kFailed
//      │   │                    │ kUnregistered                │
//      │   │ kUnregistered      ▼            kUnregistered     │
//      │   └──────────► kTearingDown ◄─────────────────────────┘
//      │ kCouldNotBeMade        │ kIdle: nothing is in the making any more
//      └─────────► kGone ◄──────┘
//
// Whatever is not drawn changes nothing.
enum class LifecycleState : uint8_t {
  kInitialising,  // its input is being looked at, by one of those who asked
  kReady,
  kFailed,       // its buffer was damaged: it makes nothing any more
  kTearingDown,  // closed; workers still hold batches of it
  kGone,
};

enum class LifecycleEvent : uint8_t {
  kMade,
  kCouldNotBeMade,
  kDamaged,
  kUnregistered,
  kIdle,
};

// Nullopt if the event changes nothing in that state.
inline std::optional<LifecycleState> Next(LifecycleState state,
                                          LifecycleEvent event) {
  using State = LifecycleState;
  using Event = LifecycleEvent;
  switch (state) {
    case State::kInitialising:
      if (event == Event::kMade) return State::kReady;
      if (event == Event::kCouldNotBeMade) return State::kGone;
      if (event == Event::kUnregistered) return State::kTearingDown;
      return std::nullopt;
    case State::kReady:
      if (event == Event::kDamaged) return State::kFailed;
      if (event == Event::kUnregistered) return State::kTearingDown;
      return std::nullopt;
    case State::kFailed:
      if (event == Event::kUnregistered) return State::kTearingDown;
      return std::nullopt;
    case State::kTearingDown:
      if (event == Event::kIdle) return State::kGone;
      return std::nullopt;
    case State::kGone:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_CHANNEL_LIFECYCLE_H_
