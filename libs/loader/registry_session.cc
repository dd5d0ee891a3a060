#include "libs/loader/registry_session.h"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "libs/membership/membership.h"
#include "libs/rpc/registry_address.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

// Registering sets aside shared memory and draws up an epoch's batches: much
// longer than a round trip, but no call should outlast this.
constexpr std::chrono::seconds kCallDeadline(30);
// A trainer that ends says so, and does not wait for it: its lease ends too.
constexpr std::chrono::seconds kDestroyDeadline(5);

template <typename Request, typename Response>
absl::StatusOr<Response> Call(const std::shared_ptr<grpc::Channel>& registry,
                              grpc::Status (v1::RegistryService::Stub::*method)(
                                  grpc::ClientContext*, const Request&,
                                  Response*),
                              const Request& request,
                              std::chrono::seconds deadline = kCallDeadline) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  v1::RegistryService::Stub stub(registry);
  Response response;
  FAIRLEAD_RETURN_IF_ERROR(
      rpc::ToAbslStatus((stub.*method)(&context, request, &response)));
  return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegistrySession>> RegistrySession::Create(
    Options options) {
  FAIRLEAD_ASSIGN_OR_RETURN(options.registry,
                            rpc::RegistryAddress(options.registry));
  if (options.member_name.empty()) {
    // Containers share process ids, so the id alone does not tell them apart.
    const uint64_t nonce = absl::Uniform<uint64_t>(absl::BitGen());
    options.member_name = DefaultMemberName(
        absl::StrCat("trainer/", getpid(), "-", absl::Hex(nonce)));
  }
  Membership::Options membership_options;
  membership_options.registry = std::move(options.registry);
  membership_options.security = std::move(options.security);
  membership_options.connect_timeout = options.connect_timeout;
  v1::JoinRequest& member = membership_options.member;
  member.set_member_name(options.member_name);
  member.set_role(v1::ROLE_TRAINER);
  member.set_metrics_address(options.metrics_address);
  if (options.lease > absl::ZeroDuration()) {
    *member.mutable_lease() =
        google::protobuf::util::TimeUtil::NanosecondsToDuration(
            absl::ToInt64Nanoseconds(options.lease));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Membership> membership,
                            Membership::Start(std::move(membership_options)));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RegistrySession>(new RegistrySession(
      std::move(options.member_name), std::move(membership)));
}

absl::StatusOr<std::vector<v1::Member>> RegistrySession::ListPools() {
  v1::ListMembersRequest request;
  request.set_role(v1::ROLE_SAMPLER_POOL);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::ListMembersResponse response,
      Call(membership_->channel(), &v1::RegistryService::Stub::ListMembers,
           request));
  return std::vector<v1::Member>(response.members().begin(),
                                 response.members().end());
}

absl::StatusOr<v1::InitSamplingBackendResponse>
RegistrySession::InitSamplingBackend(v1::InitSamplingBackendRequest request) {
  request.set_member_id(member_id());
  return Call(membership_->channel(),
              &v1::RegistryService::Stub::InitSamplingBackend, request);
}

absl::StatusOr<v1::RegisterSamplingInputResponse>
RegistrySession::RegisterSamplingInput(
    v1::RegisterSamplingInputRequest request) {
  request.set_member_id(member_id());
  return Call(membership_->channel(),
              &v1::RegistryService::Stub::RegisterSamplingInput, request);
}

absl::StatusOr<v1::PlanSamplingInputResponse>
RegistrySession::PlanSamplingInput(v1::PlanSamplingInputRequest request) {
  request.mutable_input()->set_member_id(member_id());
  return Call(membership_->channel(),
              &v1::RegistryService::Stub::PlanSamplingInput, request);
}

absl::StatusOr<v1::StartEpochResponse> RegistrySession::StartEpoch(
    const v1::StartEpochRequest& request) {
  return Call(membership_->channel(), &v1::RegistryService::Stub::StartEpoch,
              request);
}

absl::StatusOr<v1::ChannelDescription> RegistrySession::DescribeChannel(
    uint64_t channel_id) {
  v1::DescribeChannelRequest request;
  request.set_channel_id(channel_id);
  FAIRLEAD_ASSIGN_OR_RETURN(
      v1::DescribeChannelResponse response,
      Call(membership_->channel(), &v1::RegistryService::Stub::DescribeChannel,
           request));
  return std::move(*response.mutable_channel());
}

absl::Status RegistrySession::DestroySamplingInput(uint64_t channel_id) {
  v1::DestroySamplingInputRequest request;
  request.set_channel_id(channel_id);
  return Call(membership_->channel(),
              &v1::RegistryService::Stub::DestroySamplingInput, request,
              kDestroyDeadline)
      .status();
}

}  // namespace fairlead
