#include "integration_tests/harness/bare_trainer.h"

#include <string>

#include "absl/status/statusor.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"

namespace fairlead::testing {

using Stub = v1::RegistryService::Stub;

absl::StatusOr<BareTrainer> BareTrainer::Join(
    Stub& registry, const v1::BackendOptions& backend) {
  v1::JoinRequest join;
  join.set_member_name("trainer");
  join.set_role(v1::ROLE_TRAINER);
  join.mutable_lease()->set_seconds(300);
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::JoinResponse joined,
                            Call(registry, &Stub::Join, join));
  v1::InitSamplingBackendRequest init;
  init.set_member_id(joined.member_id());
  init.set_backend_key("backend");
  *init.mutable_options() = backend;
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::InitSamplingBackendResponse made,
                            Call(registry, &Stub::InitSamplingBackend, init));
  return BareTrainer{.member_id = joined.member_id(),
                     .backend_id = made.backend_id()};
}

v1::RegisterSamplingInputRequest BareTrainer::Input(
    const std::string& worker_key) const {
  v1::RegisterSamplingInputRequest input;
  input.set_member_id(member_id);
  input.set_backend_id(backend_id);
  input.set_worker_key(worker_key);
  input.mutable_input()->set_split(v1::SPLIT_TRAIN);
  input.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
  input.mutable_config()->set_batch_size(8);
  input.mutable_config()->add_fanout(3);
  return input;
}

}  // namespace fairlead::testing
