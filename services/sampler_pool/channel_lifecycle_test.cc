#include "services/sampler_pool/channel_lifecycle.h"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace fairlead {
namespace {

using State = LifecycleState;
using Event = LifecycleEvent;

constexpr State kStates[] = {State::kInitialising, State::kReady,
                             State::kFailed, State::kTearingDown, State::kGone};
constexpr Event kEvents[] = {Event::kMade, Event::kCouldNotBeMade,
                             Event::kDamaged, Event::kUnregistered,
                             Event::kIdle};

TEST(ChannelLifecycle, HasTheTransitionsOfThePictureAndNoOthers) {
  const std::map<std::pair<State, Event>, State> picture = {
      {{State::kInitialising, Event::kMade}, State::kReady},
      {{State::kInitialising, Event::kCouldNotBeMade}, State::kGone},
      {{State::kInitialising, Event::kUnregistered}, State::kTearingDown},
      {{State::kReady, Event::kDamaged}, State::kFailed},
      {{State::kReady, Event::kUnregistered}, State::kTearingDown},
      {{State::kFailed, Event::kUnregistered}, State::kTearingDown},
      {{State::kTearingDown, Event::kIdle}, State::kGone}};
  for (const State state : kStates) {
    for (const Event event : kEvents) {
      const auto it = picture.find({state, event});
      EXPECT_EQ(Next(state, event),
                it == picture.end() ? std::nullopt : std::optional(it->second))
          << "state " << static_cast<int>(state) << ", event "
          << static_cast<int>(event);
    }
  }
}

TEST(ChannelLifecycle, UnregisteringEndsItFromWhateverState) {
  for (const State state : kStates) {
    const State told = Next(state, Event::kUnregistered).value_or(state);
    EXPECT_EQ(Next(told, Event::kIdle).value_or(told), State::kGone);
  }
}

}  // namespace
}  // namespace fairlead
