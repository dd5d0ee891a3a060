#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/gather_rounds.h"
#include "services/registry/registry_store.h"
#include "services/registry/stored_records.h"

namespace fairlead {

struct RegistryLimits {
  absl::Duration default_lease = absl::Seconds(10);
  absl::Duration max_lease = absl::Minutes(5);
  uint64_t max_members = 4096;
  uint64_t max_backends = 4096;
  uint64_t max_channels = 65536;
  uint64_t max_channels_per_job = 16384;  // where jobs are known
};

// UNAVAILABLE: this pool takes no new channels.
absl::Status DrainingError(const v1::Member& member);

// How many there are of what.
struct RegistryCounts {
  uint64_t sampler_pools = 0;
  uint64_t channel_gateways = 0;
  uint64_t trainers = 0;
  uint64_t draining = 0;  // of these
  uint64_t backends = 0;
  // Channels: their pool is here; so it is, and somebody paused them; it is
  // away.
  uint64_t assigned = 0;
  uint64_t paused = 0;
  uint64_t lost = 0;
  // How long the pool that is longest away, or here without having asked for
  // its channels, has been so; only pools with channels, at home here.
  absl::Duration reconcile_lag = absl::ZeroDuration();
};

// Who is in the cluster and what was made there: members with leases,
// backends, channels, and the counters that give ids.
//
// The state is a set of records, the same that the store keeps, and changes in
// one way only. A call that would change it is a const Plan...() that returns
// the answer and the writes; the owner puts the writes into the store and then
// gives them to Apply(). If the store fails, nothing has changed; after a
// restart, Apply() of all that the store holds gives the state back.
//
// Leases are the exception: when one ends is not stored, and known to the
// registry alone that is the member's home. Members whose home has died are
// adopted, and get a new lease in which to find their registry again.
//
// No clock, no I/O: `now` is a reading of a monotonic clock. Thread-compatible.
class RegistryState {
 public:
  using Writes = std::vector<StoreWrite>;

  template <typename Answer>
  struct Planned {
    Answer answer;
    Writes writes;
  };

  // `incarnation` names this registry, in this life of it.
  RegistryState(const RegistryLimits& limits, uint64_t incarnation)
      : limits_(limits), incarnation_(incarnation) {}

  // Takes in writes: of a plan, or all of a store. DATA_LOSS, naming the key,
  // for a record that cannot be read; then the state is not to be used.
  absl::Status Apply(absl::Span<const StoreWrite> writes, absl::Duration now);
  // The same, where `records` are all that there is.
  absl::Status ApplyAll(absl::Span<const StoreWrite> records,
                        absl::Duration now);

  // From now on no new id is below `floor`, whatever the store's counters say.
  void GiveIdsFrom(uint64_t floor);

  // --- members -------------------------------------------------------------
  // Grants the asked for lease, within the limits, which begins with Apply().
  // `job` is the one that a trainer is of; empty if that is not known.
  absl::StatusOr<Planned<v1::JoinResponse>> PlanJoin(
      const v1::JoinRequest& request, const std::string& job = {}) const;
  // NOT_FOUND also if the id is no longer, or not, of that name: a registry
  // that lost its store gives ids anew. ABORTED if another incarnation has the
  // name now. A member of another home is only told
  // of its lease; it sees that this is another registry, and joins.
  struct Renewal {
    absl::Duration lease;
    bool draining = false;
  };
  absl::StatusOr<Renewal> RenewLease(uint64_t member_id,
                                     const std::string& member_name,
                                     uint64_t incarnation, absl::Duration now);
  // Makes this registry the home of all whose home is not among `live`.
  Writes PlanAdopt(const std::set<uint64_t>& live) const;

  // Channels that a pool has no more, and the pool that must be told.
  struct Ended {
    uint64_t channel_id = 0;
    uint32_t pool_rank = 0;
  };
  // The end of one member: with it go its channels and what only it used. A
  // pool that channels still point at stays known, but away, so that its rank
  // is not given to another.
  Planned<std::vector<Ended>> PlanLeave(uint64_t member_id) const;
  // The same if its lease has run out here by `now`; otherwise nothing.
  Planned<std::vector<Ended>> PlanExpiry(uint64_t member_id,
                                         absl::Duration now) const;

  // If the end of any lease is seen long after it, this process stood still, or
  // its host did, and nobody could renew: then every lease begins anew.
  void PardonLateExpiries(absl::Duration now);

  // Whether it has been joined by another incarnation since.
  bool IsReplaced(uint64_t member_id, uint64_t incarnation) const;

  // Whether its lease is over while its rank is kept.
  bool IsAway(uint64_t member_id) const;

  // Out of service or back in, until it leaves. NOT_FOUND, INVALID_ARGUMENT as
  // RegistryService.DrainMember.
  absl::StatusOr<Planned<v1::DrainMemberResponse>> PlanDrain(
      const v1::DrainMemberRequest& request) const;

  // Members whose leases have run out here and whose end is yet to be planned.
  std::vector<uint64_t> Expired(absl::Duration now) const;
  // When the next lease runs out; InfiniteDuration if none will.
  absl::Duration NextExpiry() const;

  v1::ListMembersResponse ListMembers(v1::Role role) const;
  // Members that came, changed or went since this was last called: their ids.
  absl::btree_set<uint64_t> TakeChangedMembers();
  // Null if it is no member, or away.
  const v1::Member* FindMember(uint64_t member_id) const;
  // Null if nobody has, or keeps, the name.
  const v1::Member* FindMemberByName(const std::string& name) const;
  // The pool of that rank. UNAVAILABLE if there is none, or its lease is over.
  absl::StatusOr<v1::Member> FindPool(uint32_t rank) const;
  // A gateway that shares the folder, one that is not draining if there is.
  // UNAVAILABLE if none has joined.
  absl::StatusOr<v1::Member> FindGateway(const std::string& shm_domain) const;

  // --- backends and channels -------------------------------------------------
  absl::StatusOr<Planned<v1::InitSamplingBackendResponse>> PlanInitBackend(
      const v1::InitSamplingBackendRequest& request) const;

  // Null if it is gone or never was.
  const v1::BackendRecord* FindBackend(uint64_t backend_id) const;

  struct Registration {
    v1::ChannelRecord record;
    bool is_new = false;
  };
  // A new channel goes to the pool of PlaceOf(). UNAVAILABLE if that one is
  // draining.
  absl::StatusOr<Planned<Registration>> PlanRegister(
      const v1::RegisterSamplingInputRequest& request) const;

  // NOT_FOUND as FindChannel.
  absl::StatusOr<Writes> PlanUpdate(
      const v1::UpdateChannelRequest& request) const;

  // Ends one channel. OK without writes if it is gone; NOT_FOUND if it never
  // was.
  absl::StatusOr<Planned<std::optional<Ended>>> PlanDestroy(
      uint64_t channel_id) const;

  // NOT_FOUND, saying whether it is gone or never was.
  absl::StatusOr<v1::ChannelRecord> FindChannel(uint64_t channel_id) const;

  v1::ListAssignmentsResponse Assignments(uint32_t pool_rank) const;

  // --- which pool makes a channel's batches ----------------------------------
  // Pools of one partition make the same bytes, so they share its channels. One
  // serves if it is there, is not draining, and has a gateway beside it of
  // which the same is true.

  // Rank of the pool that has this channel, or is to have it: for a new one, of
  // those that serve the same partition as server_rank's, the one with the
  // fewest channels; server_rank's own if none serves it.
  uint32_t PlaceOf(const v1::RegisterSamplingInputRequest& request) const;
  static uint32_t PoolRank(const v1::ChannelRecord& channel) {
    return channel.has_pool_rank() ? channel.pool_rank()
                                   : channel.server_rank();
  }

  struct Move {
    uint64_t channel_id = 0;
    uint32_t from = 0;  // ranks of pools
    uint32_t to = 0;

    bool operator==(const Move&) const = default;
  };
  // What to move, so that every channel is at a pool that serves, where its
  // partition has one, and none of these has two more than another. Of those
  // moves the ones to pools at home here: other registries know of the rest.
  std::vector<Move> PlanMoves() const;
  // No answer and no writes if the channel is gone, or no more at `from`.
  Planned<std::optional<v1::ChannelSpec>> PlanMove(const Move& move) const;

  v1::ListBackendsResponse ListBackends() const;
  // What is known of channels without asking their pools: each is LOST. By id.
  std::vector<v1::ChannelDescription> DescribeChannels() const;
  // NOT_FOUND as FindChannel.
  absl::StatusOr<v1::ChannelDescription> DescribeChannel(
      uint64_t channel_id) const;

  // --- rendezvous ------------------------------------------------------------
  // The codes of RegistryService.AllGather but ABORTED and DEADLINE_EXCEEDED.
  absl::StatusOr<Writes> PlanGather(const v1::AllGatherRequest& request) const;
  const GatherRounds& gathers() const { return gathers_; }

  uint64_t backends() const { return backends_.size(); }
  uint64_t channels() const { return channels_.size(); }
  RegistryCounts Count(absl::Duration now) const;
  // A pool has heard which channels it holds.
  void NoteAsked(uint64_t member_id);

  // Writes that change nothing, to see whether the store takes any.
  Writes PlanNothing() const { return {Put(ids_)}; }

 private:
  // RESOURCE_EXHAUSTED if the cluster, or the trainer's job, has as many
  // channels as there may be.
  absl::Status CheckRoomForChannel(const v1::Member& trainer) const;
  absl::Status CheckDataset(const v1::JoinRequest& request) const;
  v1::ChannelDescription Describe(const v1::ChannelRecord& channel) const;
  // Empty if there is none.
  std::string NameOf(uint64_t member_id) const;
  // Null if there is none, away or not.
  const v1::MemberRecord* PoolOf(uint32_t rank) const;
  // The folders of gateways that take new channels.
  std::set<std::string> ServedFolders() const;
  uint64_t ChannelsAt(uint32_t pool_rank) const;

  struct MemberEntry {
    v1::MemberRecord record;
    // InfiniteDuration where another registry is its home. For one that is
    // away, when to look again whether anything still points at it.
    absl::Duration expires_at;
    // Since when a pool does not hold what it should: it is away, or has come
    // and not asked yet.
    std::optional<absl::Duration> lacks_since = std::nullopt;

    const v1::Member& member() const { return record.member(); }
  };
  // What makes a channel the same: backend, worker_key, server_rank.
  using ChannelIdentity = std::tuple<uint64_t, std::string, uint32_t>;

  absl::Status ApplyPut(const v1::StoredRecord& record, absl::Duration now);
  void ApplyMember(const v1::MemberRecord& record, absl::Duration now);
  void ApplyDelete(const std::string& key);
  void SetIds(const v1::IdCounters& ids);
  std::vector<std::string> Keys() const;

  const RegistryLimits limits_;
  const uint64_t incarnation_;
  uint64_t id_floor_ = 1;
  v1::IdCounters ids_ = [] {
    v1::IdCounters ids;
    ids.set_next_member_id(1);
    ids.set_next_backend_id(1);
    ids.set_next_channel_id(1);
    return ids;
  }();
  std::map<uint64_t, MemberEntry> members_;
  std::map<std::string, uint64_t> member_by_name_;
  std::map<uint64_t, v1::BackendRecord> backends_;
  std::map<std::string, uint64_t> backend_by_key_;
  std::map<uint64_t, v1::ChannelRecord> channels_;
  std::map<ChannelIdentity, uint64_t> channel_by_key_;
  std::map<uint32_t, uint64_t> channels_at_;  // how many, by rank of pool
  GatherRounds gathers_;
  absl::btree_set<uint64_t> changed_members_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_H_
