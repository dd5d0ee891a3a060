#ifndef FAIRLEAD_LIBS_LOADER_REGISTRY_SESSION_H_
#define FAIRLEAD_LIBS_LOADER_REGISTRY_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/membership/membership.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead::rpc {
class Security;
}

namespace fairlead {

// A trainer's membership of the cluster, and the control calls that it makes.
// What it made dies with it: destruction leaves the cluster, and if the process
// dies first, its lease runs out.
//
// Every call has a deadline. None is retried here but Create: a caller that
// gets UNAVAILABLE knows better for how long it wants to wait. Thread-safe.
class RegistrySession {
 public:
  struct Options {
    std::string registry = {};  // as rpc::RegistryAddress has it
    std::shared_ptr<rpc::Security> security = nullptr;  // null: plain text
    std::string member_name = {};  // unique in the cluster; empty makes one up
    absl::Duration lease = {};     // zero means the registry's default

    std::string metrics_address = {};  // host:port of /metrics; may be empty

    // How long to wait for a registry that is not there (yet).
    absl::Duration connect_timeout = absl::Seconds(60);
  };

  // Joins. UNAVAILABLE, naming the address, if the registry cannot be reached.
  static absl::StatusOr<std::unique_ptr<RegistrySession>> Create(
      Options options);

  // Changes if the lease ran out and the cluster was joined again.
  uint64_t member_id() const { return membership_->member_id(); }
  const std::string& member_name() const { return member_name_; }
  const std::shared_ptr<rpc::Security>& security() const {
    return membership_->security();
  }

  // As Membership::ConfirmLease.
  absl::StatusOr<uint64_t> ConfirmLease() {
    return membership_->ConfirmLease();
  }

  // The sampler pools there are now, by rank.
  absl::StatusOr<std::vector<v1::Member>> ListPools();

  // As RegistryService's calls of these names; the member_id is filled in.
  absl::StatusOr<v1::InitSamplingBackendResponse> InitSamplingBackend(
      v1::InitSamplingBackendRequest request);
  absl::StatusOr<v1::RegisterSamplingInputResponse> RegisterSamplingInput(
      v1::RegisterSamplingInputRequest request);
  absl::StatusOr<v1::PlanSamplingInputResponse> PlanSamplingInput(
      v1::PlanSamplingInputRequest request);
  absl::StatusOr<v1::StartEpochResponse> StartEpoch(
      const v1::StartEpochRequest& request);
  absl::StatusOr<v1::ChannelDescription> DescribeChannel(uint64_t channel_id);
  absl::Status DestroySamplingInput(uint64_t channel_id);

 private:
  RegistrySession(std::string member_name,
                  std::unique_ptr<Membership> membership)
      : member_name_(std::move(member_name)),
        membership_(std::move(membership)) {}

  const std::string member_name_;
  const std::unique_ptr<Membership> membership_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_REGISTRY_SESSION_H_
