#include "integration_tests/harness/raw_trainer.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead::testing {

absl::Status RawTrainer::Join() {
  v1::JoinRequest join;
  join.set_member_name(name_);
  join.set_role(v1::ROLE_TRAINER);
  join.mutable_lease()->set_seconds(300);
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::JoinResponse joined,
                            Ask(&Registry::Join, join));
  member_id_ = joined.member_id();
  v1::InitSamplingBackendRequest init;
  init.set_member_id(member_id_);
  init.set_backend_key("backend");
  FAIRLEAD_ASSIGN_OR_RETURN(const v1::InitSamplingBackendResponse backend,
                            Ask(&Registry::InitSamplingBackend, init));
  backend_id_ = backend.backend_id();
  return absl::OkStatus();
}

v1::RegisterSamplingInputRequest RawTrainer::Input(
    const std::string& worker_key) const {
  v1::RegisterSamplingInputRequest input;
  input.set_member_id(member_id_);
  input.set_backend_id(backend_id_);
  input.set_worker_key(worker_key);
  input.mutable_input()->set_split(v1::SPLIT_TRAIN);
  input.mutable_config()->set_type(v1::SAMPLING_TYPE_NODE);
  input.mutable_config()->set_batch_size(8);
  input.mutable_config()->add_fanout(3);
  return input;
}

absl::Status RawTrainer::StartEpoch(uint64_t channel_id, uint64_t epoch) {
  v1::StartEpochRequest start;
  start.set_channel_id(channel_id);
  start.set_epoch(epoch);
  return Ask(&Registry::StartEpoch, start).status();
}

}  // namespace fairlead::testing
