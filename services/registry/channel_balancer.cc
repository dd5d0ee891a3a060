#include "services/registry/channel_balancer.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/lost_connection.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

// A list of seeds may be long; a pool that takes longer than this is asked
// again by the trainer, which has more time.
constexpr std::chrono::seconds kPoolDeadline(5);
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

ChannelBalancer::ChannelBalancer(RegistryCore& core, ChannelPools& pools,
                                 RegistryMetrics& metrics)
    : core_(core),
      pools_(pools),
      metrics_(metrics),
      thread_([this] { Run(); }) {}

void ChannelBalancer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void ChannelBalancer::Notify() {
  MutexLock lock(&mutex_);
  news_ = true;
}

void ChannelBalancer::Run() {
  absl::Duration wait = absl::InfiniteDuration();
  while (true) {
    {
      MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &ChannelBalancer::HasNews),
                              wait);
      if (stopping_) return;
      news_ = false;
    }
    wait = Balance() ? absl::InfiniteDuration() : kRetry;
  }
}

bool ChannelBalancer::Balance() {
  const std::vector<RegistryState::Move> moves =
      core_.Read([](const RegistryState& state) { return state.PlanMoves(); });
  std::set<uint32_t> silent;  // ranks of pools that do not answer
  for (const RegistryState::Move& move : moves) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return true;
    }
    if (silent.contains(move.to)) continue;
    const absl::StatusOr<v1::Member> to =
        core_.Read([&move](const RegistryState& state) {
          return state.FindPool(move.to);
        });
    // One that went meanwhile is news, which brings us here again.
    if (to.ok() && !Carry(move, *to).ok()) silent.insert(move.to);
  }
  return silent.empty();
}

absl::Status ChannelBalancer::Carry(const RegistryState::Move& move,
                                    const v1::Member& to) {
  absl::StatusOr<v1::ChannelRecord> channel =
      core_.Read([&move](const RegistryState& state) {
        return state.FindChannel(move.channel_id);
      });
  if (!channel.ok()) return absl::OkStatus();
  v1::RegisterInputRequest input;
  *input.mutable_spec() = std::move(*channel->mutable_spec());
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPoolDeadline);
    v1::PlanSamplingInputResponse plan;
    const absl::Status answer =
        rpc::ToAbslStatus(pools_.StubOf(to)->PlanInput(&context, input, &plan));
    if (rpc::MayBeLostConnection(answer)) return answer;
    if (!answer.ok() || !plan.refusal().empty()) {
      metrics_.refused_moves.Increment();
      return absl::OkStatus();
    }
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::optional<v1::ChannelSpec> spec,
                            core_.Change<std::optional<v1::ChannelSpec>>(
                                [&move](const RegistryState& state) {
                                  return state.PlanMove(move);
                                }));
  if (!spec.has_value()) return absl::OkStatus();
  metrics_.moved_channels.Increment();
  // As it is by now. If this fails, the trainer asks for it.
  *input.mutable_spec() = *std::move(spec);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPoolDeadline);
  v1::RegisterInputResponse registered;
  pools_.StubOf(to)->RegisterInput(&context, input, &registered);
  pools_.Unregister({{move.channel_id, move.from}});
  return absl::OkStatus();
}

}  // namespace fairlead
