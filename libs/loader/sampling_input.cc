#include "libs/loader/sampling_input.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/loader/registry_session.h"
#include "libs/rpc/persist.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/messages.pb.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::rpc::Persist;

absl::StatusOr<std::vector<uint32_t>> AllServers(RegistrySession& session) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<v1::Member> pools, session.ListPools());
  if (pools.empty()) {
    return absl::UnavailableError(
        "the registry knows no sampler pool; is one running, with this "
        "registry's address as its --registry?");
  }
  // Of a partition's replicas the first: all have the same nodes. One that is
  // draining takes no new channels. (A pool that does not say what it serves is
  // like no other.)
  std::stable_partition(pools.begin(), pools.end(), [](const v1::Member& pool) {
    return !pool.draining();
  });
  // A cursor counts servers in the order of their partitions, whichever replica
  // is the first by now.
  using Server = std::tuple<std::string, uint32_t, uint32_t>;
  std::set<std::pair<std::string, uint32_t>> seen;
  std::vector<Server> servers;
  for (const v1::Member& pool : pools) {
    const v1::DatasetPartition& dataset = pool.dataset();
    if (!pool.has_dataset() ||
        seen.emplace(dataset.name(), dataset.partition()).second) {
      servers.emplace_back(dataset.name(), dataset.partition(), pool.rank());
    }
  }
  std::sort(servers.begin(), servers.end());
  std::vector<uint32_t> ranks;
  ranks.reserve(servers.size());
  for (const Server& server : servers) ranks.push_back(std::get<2>(server));
  return ranks;
}

// The part of `seeds` that the server at `index` of `count` samples.
v1::SeedNodes ShareOf(const v1::SeedNodes& seeds, size_t index, size_t count) {
  const bool is_list =
      seeds.has_ids() || (seeds.has_edges() && !seeds.edges().all());
  if (!is_list || count == 1) return seeds;
  v1::SeedNodes share = seeds;
  // What there is one of for each seed is dealt out alike.
  const auto deal = [&](auto* values) {
    const auto size = static_cast<size_t>(values->size());
    const auto begin = values->begin() + static_cast<int>(size * index / count);
    const auto end =
        values->begin() + static_cast<int>(size * (index + 1) / count);
    *values = std::remove_pointer_t<decltype(values)>(begin, end);
  };
  if (seeds.has_ids()) {
    deal(share.mutable_ids()->mutable_id());
  } else {
    deal(share.mutable_edges()->mutable_src());
    deal(share.mutable_edges()->mutable_dst());
    deal(share.mutable_edges()->mutable_labels());
  }
  deal(share.mutable_times());
  return share;
}

}  // namespace

SamplingInput::SamplingInput(RegistrySession* session, Options options)
    : session_(session), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<SamplingInput>> SamplingInput::Register(
    RegistrySession* session, Options options) {
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<SamplingInput> input(
      new SamplingInput(session, std::move(options)));
  // If this fails, the destructor takes back what was registered.
  FAIRLEAD_RETURN_IF_ERROR(input->RegisterAll());
  return input;
}

SamplingInput::~SamplingInput() {
  std::vector<SamplingChannel> channels;
  {
    MutexLock lock(&mutex_);
    channels.swap(channels_);
  }
  for (const SamplingChannel& channel : channels) {
    // If the registry cannot be told, the trainer's lease ends the channel.
    session_->DestroySamplingInput(channel.channel_id).IgnoreError();
  }
}

absl::StatusOr<std::vector<SamplingInput::ServerPlan>> SamplingInput::Plan(
    RegistrySession* session, Options options) {
  const absl::Time deadline = absl::Now() + options.connect_timeout;
  SamplingInput input(session, std::move(options));
  FAIRLEAD_RETURN_IF_ERROR(input.MakeRequests(deadline));
  std::vector<ServerPlan> plans;
  for (const v1::RegisterSamplingInputRequest& request : input.requests_) {
    v1::PlanSamplingInputRequest plan;
    *plan.mutable_input() = request;
    *plan.mutable_options() = input.options_.backend;
    FAIRLEAD_ASSIGN_OR_RETURN(
        v1::PlanSamplingInputResponse response,
        Persist(deadline, [&] { return session->PlanSamplingInput(plan); }));
    plans.push_back({request.server_rank(), std::move(response)});
  }
  return plans;
}

absl::Status SamplingInput::MakeRequests(absl::Time deadline) {
  std::vector<uint32_t> servers = options_.server_ranks;
  if (servers.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        servers, Persist(deadline, [&] { return AllServers(*session_); }));
  }
  std::vector<uint32_t> sorted = servers;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "server_ranks: ", *twice,
        " is there twice, and its batches would be too; name each once"));
  }
  if (options_.seeds.size() != 1 && options_.seeds.size() != servers.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_nodes: there are ", options_.seeds.size(),
                     " lists of seeds for ", servers.size(),
                     " servers; give one, or one for each server"));
  }
  for (size_t i = 0; i < servers.size(); ++i) {
    v1::RegisterSamplingInputRequest& request = requests_.emplace_back();
    request.set_worker_key(options_.worker_key);
    request.set_server_rank(servers[i]);
    *request.mutable_input() =
        options_.seeds.size() > 1
            ? options_.seeds[i]
            : ShareOf(options_.seeds[0], i, servers.size());
    *request.mutable_config() = options_.config;
    *request.mutable_control() = options_.control;
    request.set_failure_policy(options_.failure_policy);
  }
  return absl::OkStatus();
}

absl::Status SamplingInput::RegisterAll() {
  const absl::Time deadline = absl::Now() + options_.connect_timeout;
  FAIRLEAD_RETURN_IF_ERROR(MakeRequests(deadline));
  for (size_t i = 0; i < requests_.size(); ++i) {
    bool existed = false;
    FAIRLEAD_ASSIGN_OR_RETURN(SamplingChannel channel, Persist(deadline, [&] {
                                return RegisterOn(i, &existed);
                              }));
    if (existed) {
      // What the earlier process was sent and did not take is neither here nor
      // to come, and the end of its epoch may still lie in the channel.
      FAIRLEAD_RETURN_IF_ERROR(Persist(deadline, [&] {
        return session_->DestroySamplingInput(channel.channel_id);
      }));
      FAIRLEAD_ASSIGN_OR_RETURN(
          channel, Persist(deadline, [&] { return RegisterOn(i); }));
    }
    MutexLock lock(&mutex_);
    channels_.push_back(std::move(channel));
    leases_.push_back(0);
  }
  return absl::OkStatus();
}

absl::StatusOr<SamplingChannel> SamplingInput::RegisterOn(size_t server,
                                                          bool* existed) {
  // Both calls find what is there already, and make it if it is not.
  v1::InitSamplingBackendRequest init;
  init.set_backend_key(options_.backend_key);
  *init.mutable_options() = options_.backend;
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::InitSamplingBackendResponse backend,
                            session_->InitSamplingBackend(init));
  v1::RegisterSamplingInputRequest request = requests_[server];
  request.set_backend_id(backend.backend_id());
  FAIRLEAD_ASSIGN_OR_RETURN(v1::RegisterSamplingInputResponse response,
                            session_->RegisterSamplingInput(request));
  if (existed != nullptr) *existed = response.existed();
  return SamplingChannel{
      .server_rank = request.server_rank(),
      .channel_id = response.channel_id(),
      .gateway_address = std::move(*response.mutable_gateway_address()),
      .seeds = response.seeds(),
      .batches = response.batches()};
}

SamplingChannel SamplingInput::channel(size_t server) const {
  MutexLock lock(&mutex_);
  return channels_[server];
}

absl::Status SamplingInput::RegisterAgain(size_t server) {
  FAIRLEAD_ASSIGN_OR_RETURN(uint64_t lease, session_->ConfirmLease());
  absl::StatusOr<SamplingChannel> registered = RegisterOn(server);
  while (absl::IsNotFound(registered.status())) {
    // The member may be what was not found: its lease ran out since.
    FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t now, session_->ConfirmLease());
    if (now == lease) break;
    lease = now;
    registered = RegisterOn(server);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(SamplingChannel again, std::move(registered));
  MutexLock lock(&mutex_);
  if (again.channel_id != channels_[server].channel_id &&
      lease == leases_[server]) {
    return absl::NotFoundError(absl::StrCat(
        "channel ", channels_[server].channel_id, " (worker_key ",
        options_.worker_key, "): was destroyed by somebody else, and ",
        again.channel_id,
        " is in its place; give every trainer a worker_key of its own"));
  }
  channels_[server] = std::move(again);
  leases_[server] = lease;
  return absl::OkStatus();
}

absl::StatusOr<SamplingChannel> SamplingInput::StartEpoch(
    size_t server, uint64_t epoch, uint32_t attempt,
    absl::Span<const v1::BatchRange> held) {
  if (attempt > 0) FAIRLEAD_RETURN_IF_ERROR(RegisterAgain(server));
  absl::StatusOr<SamplingChannel> started =
      StartRegistered(server, epoch, attempt, held);
  if (attempt > 0 || !absl::IsNotFound(started.status())) return started;
  // Between two epochs the lease may have run out unnoticed.
  FAIRLEAD_RETURN_IF_ERROR(RegisterAgain(server));
  return StartRegistered(server, epoch, attempt, held);
}

absl::StatusOr<SamplingChannel> SamplingInput::StartRegistered(
    size_t server, uint64_t epoch, uint32_t attempt,
    absl::Span<const v1::BatchRange> held) {
  SamplingChannel channel = this->channel(server);
  v1::StartEpochRequest request;
  request.set_channel_id(channel.channel_id);
  request.set_epoch(epoch);
  request.set_attempt(attempt);
  request.mutable_held()->Add(held.begin(), held.end());
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::StartEpochResponse response,
                            session_->StartEpoch(request));
  if (response.epoch() != epoch || response.attempt() != attempt) {
    return absl::FailedPreconditionError(absl::StrCat(
        "channel ", channel.channel_id, " (worker_key ", options_.worker_key,
        "): asked to start epoch ", epoch, " (attempt ", attempt,
        "), but it is in epoch ", response.epoch(), " (attempt ",
        response.attempt(),
        ") already; start epochs in order, and give every trainer a "
        "worker_key of its own"));
  }
  channel.batches = response.batches();
  return channel;
}

}  // namespace fairlead
