#ifndef FAIRLEAD_LIBS_DIST_RPC_DIST_RPC_H_
#define FAIRLEAD_LIBS_DIST_RPC_DIST_RPC_H_

#include <concepts>
#include <cstdint>
#include <future>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_session.h"
#include "libs/dist_rpc/callee_client.h"

namespace fairlead {

// Calls between the processes of a job, by name or by role and rank (parity
// GL-132, GL-133). Those called have a CalleeServer, and gave its address as
// job.rpc_address; rpc_register is CalleeServer::Register.
//
//   DistRpc rpc(session.get());
//   rpc.RpcGlobalRequest<Counts>(DistRole::kServer, 0, "count_degrees", ids,
//                                absl::Now() + absl::Seconds(30));
//
// Errors are CalleeClient's, those of DistSession::FindPeer, and
// FAILED_PRECONDITION if that process cannot be called. Thread-safe.
class DistRpc {
 public:
  // `session` must outlive it.
  explicit DistRpc(const DistSession* session)
      : session_(*session), client_(session->security()) {}

  // To a process of this one's own group.
  template <std::derived_from<google::protobuf::Message> Response>
  absl::StatusOr<Response> RpcRequest(absl::string_view worker_name,
                                      const std::string& callee,
                                      const google::protobuf::Message& request,
                                      absl::Time deadline) {
    return RpcRequestAsync<Response>(worker_name, callee, request, deadline)
        .get();
  }
  template <std::derived_from<google::protobuf::Message> Response>
  std::future<absl::StatusOr<Response>> RpcRequestAsync(
      absl::string_view worker_name, const std::string& callee,
      const google::protobuf::Message& request, absl::Time deadline) {
    return Send<Response>(Address(session_.FindPeer(worker_name)), callee,
                          request, deadline);
  }

  // To a process of any group. INVALID_ARGUMENT for a role that is not of this
  // kind of job: workers call workers; servers and clients call each other and
  // their like.
  template <std::derived_from<google::protobuf::Message> Response>
  absl::StatusOr<Response> RpcGlobalRequest(
      DistRole target_role, uint32_t role_rank, const std::string& callee,
      const google::protobuf::Message& request, absl::Time deadline) {
    return RpcGlobalRequestAsync<Response>(target_role, role_rank, callee,
                                           request, deadline)
        .get();
  }
  template <std::derived_from<google::protobuf::Message> Response>
  std::future<absl::StatusOr<Response>> RpcGlobalRequestAsync(
      DistRole target_role, uint32_t role_rank, const std::string& callee,
      const google::protobuf::Message& request, absl::Time deadline) {
    return Send<Response>(GlobalAddress(target_role, role_rank), callee,
                          request, deadline);
  }

 private:
  static absl::StatusOr<std::string> Address(
      const absl::StatusOr<DistPeer>& peer);
  absl::StatusOr<std::string> GlobalAddress(DistRole target_role,
                                            uint32_t role_rank) const;

  template <typename Response>
  std::future<absl::StatusOr<Response>> Send(
      const absl::StatusOr<std::string>& address, const std::string& callee,
      const google::protobuf::Message& request, absl::Time deadline) {
    if (address.ok()) {
      return client_.RequestAsync<Response>(*address, callee, request,
                                            deadline);
    }
    std::promise<absl::StatusOr<Response>> refused;
    refused.set_value(address.status());
    return refused.get_future();
  }

  const DistSession& session_;
  CalleeClient client_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_RPC_DIST_RPC_H_
