#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_RAW_TRAINER_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_RAW_TRAINER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/rpc/status_conversion.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead::testing {

// A trainer that makes its calls one by one, so that it may go where no loader
// goes. Its lease is five minutes, which nobody renews.
class RawTrainer {
 public:
  using Registry = v1::RegistryService::Stub;

  RawTrainer(const std::shared_ptr<grpc::Channel>& registry, std::string name)
      : name_(std::move(name)), registry_(registry) {}

  // Any call of the registry.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(
      grpc::Status (Registry::*method)(grpc::ClientContext*, const Request&,
                                       Response*),
      const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    Response response;
    const grpc::Status status =
        (registry_.*method)(&context, request, &response);
    if (!status.ok()) return rpc::ToAbslStatus(status);
    return response;
  }

  // Joins, and makes a backend.
  absl::Status Join();

  // Of the training nodes of a MakeKronecker, in small batches.
  v1::RegisterSamplingInputRequest Input(const std::string& worker_key) const;
  absl::StatusOr<v1::RegisterSamplingInputResponse> Register(
      const v1::RegisterSamplingInputRequest& input) {
    return Ask(&Registry::RegisterSamplingInput, input);
  }
  absl::Status StartEpoch(uint64_t channel_id, uint64_t epoch);

  uint64_t member_id() const { return member_id_; }
  Registry& registry() { return registry_; }

 private:
  const std::string name_;
  Registry registry_;
  uint64_t member_id_ = 0;
  uint64_t backend_id_ = 0;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_RAW_TRAINER_H_
