#include "libs/partition_client/replica_directory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "libs/rpc/channel.h"

namespace fairlead {

void ReplicaDirectory::Set(const std::vector<Peer>& peers) {
  MutexLock lock(&mutex_);
  absl::flat_hash_map<uint32_t, std::vector<ReplicaPtr>> named;
  for (const Peer& peer : peers) {
    ReplicaPtr replica;
    for (const ReplicaPtr& known : partitions_[peer.partition].replicas) {
      if (known->address == peer.address) replica = known;
    }
    if (replica == nullptr) {
      replica = std::make_shared<Replica>();
      replica->address = peer.address;
      replica->stub = v1::GraphStoreService::NewStub(
          rpc::MakeChannel(peer.address, security_));
    }
    named[peer.partition].push_back(std::move(replica));
  }
  for (auto& [partition, replicas] : named) {
    partitions_[partition].replicas = std::move(replicas);
  }
}

ReplicaDirectory::ReplicaPtr ReplicaDirectory::Next(
    uint32_t partition, const std::vector<ReplicaPtr>& tried, absl::Time now) {
  MutexLock lock(&mutex_);
  const auto it = partitions_.find(partition);
  if (it == partitions_.end()) return nullptr;
  Partition& found = it->second;
  const size_t count = found.replicas.size();
  ReplicaPtr last_resort;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = (found.next + i) % count;
    const ReplicaPtr& replica = found.replicas[at];
    if (std::find(tried.begin(), tried.end(), replica) != tried.end()) continue;
    if (replica->avoid_until <= now) {
      found.next = at + 1;
      return replica;
    }
    // Of those to be avoided, the one that failed the longest ago.
    if (last_resort == nullptr ||
        replica->avoid_until < last_resort->avoid_until) {
      last_resort = replica;
    }
  }
  return last_resort;
}

void ReplicaDirectory::Avoid(Replica& replica, absl::Time until) {
  MutexLock lock(&mutex_);
  replica.avoid_until = until;
}

}  // namespace fairlead
