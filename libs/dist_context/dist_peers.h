#ifndef FAIRLEAD_LIBS_DIST_CONTEXT_DIST_PEERS_H_
#define FAIRLEAD_LIBS_DIST_CONTEXT_DIST_PEERS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libs/dist_context/dist_context.h"
#include "libs/membership/member_watch.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// Another process of the job.
struct DistPeer {
  DistRole role = DistRole::kWorker;
  uint32_t rank = 0;
  std::string worker_name;
  std::string member_name;  // in the registry
  std::string address;      // its rpc_address
};

// The processes of a job as the registry has them: members named
// {job}/{role}/{group name}/{rank}/{nonce}. Those that claim one rank differ in
// the nonce, so that they can be told of each other. Pure, but for the nonce.

std::string MemberName(const DistContext& context, const std::string& job);

// Nothing for a member of another kind.
std::optional<DistPeer> ParsePeer(const v1::Member& member);

// By role, then rank.
std::vector<DistPeer> ParsePeers(const MemberWatch::Members& members);

// What is there of a role, and which of `of` ranks are not.
std::set<uint32_t> RanksOf(const MemberWatch::Members& members, DistRole role);
std::vector<uint32_t> Missing(const std::set<uint32_t>& ranks, uint32_t of);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_CONTEXT_DIST_PEERS_H_
