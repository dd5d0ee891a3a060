#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_FIXTURE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_FIXTURE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_state.h"
#include "services/registry/registry_store.h"

namespace fairlead {

inline constexpr absl::Duration kStart = absl::Seconds(100);
inline constexpr uint64_t kIncarnation = 11;

// A state and the store behind it, kept in step as the service does.
class RegistryStateTest : public ::testing::Test {
 protected:
  RegistryStateTest() : state_(Limits(), kIncarnation) {}

  static RegistryLimits Limits() {
    return {.max_members = 5, .max_backends = 3, .max_channels = 4};
  }

  template <typename Answer>
  absl::StatusOr<Answer> Carry(
      absl::StatusOr<RegistryState::Planned<Answer>> planned) {
    if (!planned.ok()) return planned.status();
    return Carry(*std::move(planned));
  }
  template <typename Answer>
  Answer Carry(RegistryState::Planned<Answer> planned) {
    for (const StoreWrite& write : planned.writes) {
      if (write.value.has_value()) {
        store_[write.key] = *write.value;
      } else {
        store_.erase(write.key);
      }
    }
    EXPECT_THAT(state_.Apply(planned.writes, now_), testing::IsOk());
    return std::move(planned.answer);
  }

  absl::StatusOr<v1::JoinResponse> Join(const std::string& name,
                                        v1::Role role) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(role);
    if (role != v1::ROLE_TRAINER) {
      request.set_address("host:1");
      request.set_shm_domain("domain");
    }
    return Carry(state_.PlanJoin(request));
  }

  absl::StatusOr<v1::JoinResponse> JoinPool(const std::string& name,
                                            const std::string& dataset,
                                            uint32_t partition,
                                            uint32_t num_partitions) {
    v1::JoinRequest request;
    request.set_member_name(name);
    request.set_role(v1::ROLE_SAMPLER_POOL);
    request.set_address("host:1");
    request.set_shm_domain("domain");
    request.mutable_dataset()->set_name(dataset);
    request.mutable_dataset()->set_partition(partition);
    request.mutable_dataset()->set_num_partitions(num_partitions);
    return Carry(state_.PlanJoin(request));
  }

  absl::StatusOr<uint64_t> InitBackend(uint64_t member, const std::string& key,
                                       uint64_t buffer_bytes = 1000) {
    v1::InitSamplingBackendRequest request;
    request.set_member_id(member);
    request.set_backend_key(key);
    request.mutable_options()->set_buffer_bytes(buffer_bytes);
    const auto backend = Carry(state_.PlanInitBackend(request));
    if (!backend.ok()) return backend.status();
    return backend->backend_id();
  }

  absl::StatusOr<RegistryState::Registration> Register(
      uint64_t member, uint64_t backend, const std::string& key,
      uint64_t batch_size = 10) {
    v1::RegisterSamplingInputRequest request;
    request.set_member_id(member);
    request.set_backend_id(backend);
    request.set_worker_key(key);
    request.mutable_config()->set_batch_size(batch_size);
    return Carry(state_.PlanRegister(request));
  }

  // A state made from the store alone, as after a restart.
  RegistryState Restarted(uint64_t incarnation = kIncarnation + 1) const {
    RegistryState restarted(Limits(), incarnation);
    RegistryState::Writes writes;
    for (const auto& [key, value] : store_) writes.push_back({key, value});
    EXPECT_THAT(restarted.Apply(writes, now_), testing::IsOk());
    return restarted;
  }

  RegistryState state_;
  std::map<std::string, std::string> store_;
  absl::Duration now_ = kStart;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STATE_FIXTURE_H_
