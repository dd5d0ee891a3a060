#include "libs/dist_rpc/dist_rpc.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead {

absl::StatusOr<std::string> DistRpc::Address(
    const absl::StatusOr<DistPeer>& peer) {
  if (!peer.ok()) return peer.status();
  if (!peer->address.empty()) return peer->address;
  return absl::FailedPreconditionError(
      absl::StrCat(peer->worker_name,
                   ": cannot be called; start it with a "
                   "CalleeServer and job.rpc_address"));
}

absl::StatusOr<std::string> DistRpc::GlobalAddress(DistRole target_role,
                                                   uint32_t role_rank) const {
  const bool is_worker = session_.context().is_worker();
  if (is_worker != (target_role == DistRole::kWorker)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target_role: a ", DistRoleName(session_.context().role),
        " cannot call a ", DistRoleName(target_role),
        is_worker ? "; workers call workers"
                  : "; servers and clients call servers and clients"));
  }
  return Address(session_.FindPeer(target_role, role_rank));
}

}  // namespace fairlead
