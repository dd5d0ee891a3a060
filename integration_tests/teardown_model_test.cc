// A model of how channels come to their end (parity DS-15), checked in every
// state it can get into: trainers that destroy, leave or die; a registry that
// is restarted; pools that die, come back, or are told to go too early; batches
// in the making meanwhile. A channel in a pool goes through the real
// LifecycleState. Whatever the order, everything that is due to happen ends,
// and nothing is left.

#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "services/sampler_pool/channel_lifecycle.h"

namespace fairlead {
namespace {

constexpr size_t kTrainers = 2;
constexpr size_t kPools = 2;

enum class Trainer : uint8_t { kRuns, kLeft, kDead, kExpired };
enum class PoolState : uint8_t { kUp, kLeaving, kDown, kExited };

// One trainer's channel on one pool.
struct Channel {
  bool recorded = true;  // in the registry's store
  bool to_tell = false;  // the registry is about to tell the pool of its end
  bool in_pool = true;
  LifecycleState life = LifecycleState::kReady;
  bool busy = false;  // a batch of it is in the making

  friend auto operator<=>(const Channel&, const Channel&) = default;
};

struct State {
  std::array<Trainer, kTrainers> trainers{};
  std::array<PoolState, kPools> pools{};
  std::array<bool, kPools> must_join{};  // saw another registry's incarnation
  std::array<std::array<Channel, kPools>, kTrainers> channels;
  int faults = 2;  // that are still to come

  friend auto operator<=>(const State&, const State&) = default;
};

bool IsAlive(PoolState pool) {
  return pool == PoolState::kUp || pool == PoolState::kLeaving;
}

void Apply(Channel& channel, LifecycleEvent event) {
  const std::optional<LifecycleState> next = Next(channel.life, event);
  if (next.has_value()) channel.life = *next;
  if (channel.life == LifecycleState::kTearingDown && !channel.busy) {
    channel.life = *Next(channel.life, LifecycleEvent::kIdle);
  }
  if (channel.life == LifecycleState::kGone) channel.in_pool = false;
}

void Drop(Channel& channel) {  // from the registry
  channel.to_tell = channel.to_tell || channel.recorded;
  channel.recorded = false;
}

// What may happen next. `due` steps happen by themselves, sooner or later;
// others may or may not.
struct Step {
  std::string name;
  State next;
  bool due;
};

std::vector<Step> StepsOf(const State& state) {
  std::vector<Step> steps;
  const auto add = [&](std::string name, bool due,
                       const std::function<void(State&)>& change) {
    State next = state;
    change(next);
    steps.push_back({std::move(name), next, due});
  };
  for (size_t t = 0; t < kTrainers; ++t) {
    if (state.trainers[t] == Trainer::kRuns) {
      for (size_t p = 0; p < kPools; ++p) {  // phase 1, in any order
        if (!state.channels[t][p].recorded) continue;
        add("destroy", false, [=](State& s) { Drop(s.channels[t][p]); });
      }
      add("leave", false, [=](State& s) {  // phase 2, maybe without phase 1
        s.trainers[t] = Trainer::kLeft;
        for (Channel& channel : s.channels[t]) Drop(channel);
      });
      if (state.faults > 0) {
        add("trainer dies", false, [=](State& s) {
          --s.faults;
          s.trainers[t] = Trainer::kDead;
        });
      }
    }
    if (state.trainers[t] == Trainer::kDead) {
      add("lease runs out", true, [=](State& s) {
        s.trainers[t] = Trainer::kExpired;
        for (Channel& channel : s.channels[t]) Drop(channel);
      });
    }
    for (size_t p = 0; p < kPools; ++p) {
      const Channel& channel = state.channels[t][p];
      if (channel.to_tell) {
        add("registry tells the pool", true, [=](State& s) {
          Channel& told = s.channels[t][p];
          told.to_tell = false;  // a pool that is away asks when it is back
          if (IsAlive(s.pools[p]) && told.in_pool) {
            Apply(told, LifecycleEvent::kUnregistered);
          }
        });
      }
      if (channel.in_pool && channel.life == LifecycleState::kReady &&
          !channel.busy && state.pools[p] == PoolState::kUp &&
          state.trainers[t] == Trainer::kRuns) {
        add("a batch is begun", false,
            [=](State& s) { s.channels[t][p].busy = true; });
      }
      if (channel.busy) {
        add("a batch ends", true, [=](State& s) {
          s.channels[t][p].busy = false;
          Apply(s.channels[t][p], LifecycleEvent::kIdle);
        });
      }
    }
  }
  for (size_t p = 0; p < kPools; ++p) {
    const auto channels_of = [p](State& s) {
      std::vector<Channel*> channels;
      for (auto& of_trainer : s.channels) channels.push_back(&of_trainer[p]);
      return channels;
    };
    if (IsAlive(state.pools[p]) && state.faults > 0) {
      add("pool dies", false, [=](State& s) {
        --s.faults;
        s.pools[p] = PoolState::kDown;
        s.must_join[p] = false;
        for (Channel* channel : channels_of(s)) {
          channel->in_pool = channel->busy = false;
        }
      });
    }
    if (state.pools[p] == PoolState::kUp) {  // phase 3, at whatever time
      add("pool is told to go", false, [=](State& s) {
        s.pools[p] = PoolState::kLeaving;
        for (Channel* channel : channels_of(s)) {
          if (channel->in_pool) Apply(*channel, LifecycleEvent::kUnregistered);
        }
      });
    }
    if (state.pools[p] == PoolState::kLeaving) {
      bool is_idle = true;
      for (const auto& of_trainer : state.channels) {
        is_idle = is_idle && !of_trainer[p].in_pool;
      }
      if (is_idle) {
        add("pool ends", true,
            [=](State& s) { s.pools[p] = PoolState::kExited; });
      }
    }
    const bool comes_back = state.pools[p] == PoolState::kDown;
    if (comes_back ||
        (state.pools[p] == PoolState::kUp && state.must_join[p])) {
      add("pool joins and asks what it should hold", true, [=](State& s) {
        s.pools[p] = PoolState::kUp;
        s.must_join[p] = false;
        for (Channel* channel : channels_of(s)) {
          if (channel->recorded && !channel->in_pool) {
            channel->in_pool = true;
            channel->life = LifecycleState::kReady;
          } else if (!channel->recorded && channel->in_pool) {
            Apply(*channel, LifecycleEvent::kUnregistered);
          }
        }
      });
    }
  }
  if (state.faults > 0) {
    add("registry dies and comes back", false, [](State& s) {
      --s.faults;
      // It knows its records, and not whom it was about to tell.
      for (auto& of_trainer : s.channels) {
        for (Channel& channel : of_trainer) channel.to_tell = false;
      }
      for (size_t p = 0; p < kPools; ++p) {
        s.must_join[p] = s.pools[p] == PoolState::kUp;
      }
    });
  }
  return steps;
}

// What is wrong with a state in which nothing is due any more.
std::string WrongAtRest(const State& state) {
  for (size_t t = 0; t < kTrainers; ++t) {
    for (size_t p = 0; p < kPools; ++p) {
      const Channel& channel = state.channels[t][p];
      const bool owner_is_gone = state.trainers[t] != Trainer::kRuns;
      if (owner_is_gone && channel.recorded) return "a record is left";
      if (channel.in_pool && !channel.recorded) return "a channel is left";
      if (channel.in_pool && !IsAlive(state.pools[p])) return "a ghost";
      if (channel.recorded && state.pools[p] == PoolState::kUp &&
          !channel.in_pool) {
        return "a channel is lost";
      }
      if (channel.busy) return "a batch is in the making for ever";
    }
  }
  for (const PoolState pool : state.pools) {
    if (pool == PoolState::kLeaving) return "a pool never ends";
    if (pool == PoolState::kDown) return "a pool never comes back";
  }
  return "";
}

TEST(TeardownModel, WhateverTheOrderEverythingEndsAndNothingIsLeft) {
  std::set<State> known = {State{}};
  std::deque<State> open = {State{}};
  uint64_t at_rest = 0;
  while (!open.empty()) {
    const State state = open.front();
    open.pop_front();
    bool is_due = false;
    for (const Step& step : StepsOf(state)) {
      // What is due makes the state another: so, with the faults bounded, due
      // steps alone come to an end.
      if (step.due) {
        is_due = true;
        ASSERT_NE(step.next, state) << step.name;
      }
      if (known.insert(step.next).second) open.push_back(step.next);
    }
    if (is_due) continue;
    ++at_rest;
    ASSERT_EQ(WrongAtRest(state), "");
  }
  EXPECT_GT(known.size(), 100'000u);
  EXPECT_GT(at_rest, 100u);
  printf("%zu states, %lu at rest\n", known.size(), at_rest);
}

}  // namespace
}  // namespace fairlead
