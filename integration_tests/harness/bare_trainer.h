#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_BARE_TRAINER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_BARE_TRAINER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead::testing {

// One call of the registry, which may be about to start.
//
//   Call(*registry, &v1::RegistryService::Stub::CancelEpoch, request)
template <typename Request, typename Response>
absl::StatusOr<Response> Call(v1::RegistryService::Stub& registry,
                              grpc::Status (v1::RegistryService::Stub::*method)(
                                  grpc::ClientContext*, const Request&,
                                  Response*),
                              const Request& request) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  Response response;
  FAIRLEAD_RETURN_IF_ERROR(
      rpc::ToAbslStatus((registry.*method)(&context, request, &response)));
  return response;
}

// A trainer by the registry's bare calls, in place of a loader's. Its lease is
// longer than a test.
struct BareTrainer {
  uint64_t member_id = 0;
  uint64_t backend_id = 0;

  // Joins as "trainer", with a backend.
  static absl::StatusOr<BareTrainer> Join(
      v1::RegistryService::Stub& registry,
      const v1::BackendOptions& backend = {});

  // What it may register: batches of eight seeds of the training split, and
  // three neighbours of each.
  v1::RegisterSamplingInputRequest Input(
      const std::string& worker_key = "worker") const;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_BARE_TRAINER_H_
