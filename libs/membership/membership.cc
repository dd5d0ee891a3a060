#include "libs/membership/membership.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/membership/heartbeat_stream.h"
#include "libs/rpc/address.h"
#include "libs/rpc/backoff.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/persist.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

constexpr std::chrono::seconds kCallDeadline(5);
constexpr std::chrono::seconds kLeaveDeadline(2);

void SetDeadline(grpc::ClientContext& context, std::chrono::seconds from_now) {
  context.set_deadline(std::chrono::system_clock::now() + from_now);
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

}  // namespace

Membership::Membership(Options options)
    : options_(std::move(options)),
      channel_(rpc::MakeChannel(options_.registry, options_.security)),
      address_(options_.member.address()) {}

absl::StatusOr<std::unique_ptr<Membership>> Membership::Start(Options options) {
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddresses("--registry", options.registry));
  options.member.set_incarnation(absl::Uniform<uint64_t>(absl::BitGen()));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<Membership> membership(new Membership(std::move(options)));
  membership->SetJoined(false);
  const absl::Duration timeout = membership->options_.connect_timeout;
  const absl::Status joined =
      rpc::Persist(absl::Now() + timeout, [&] { return membership->Join(); });
  if (rpc::IsTransient(joined)) {
    return absl::UnavailableError(absl::StrCat(
        "registry at ", membership->options_.registry,
        ": cannot be reached within ", absl::FormatDuration(timeout),
        "; is it running, and is --registry its address? (",
        std::string(joined.message()), ")"));
  }
  FAIRLEAD_RETURN_IF_ERROR(joined);
  membership->thread_ = std::thread([m = membership.get()] { m->Run(); });
  return membership;
}

Membership::~Membership() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (stream_ != nullptr) stream_->Cancel();
  }
  if (!thread_.joinable()) return;  // never joined the cluster
  thread_.join();
  if (!status().ok()) return;  // there is nothing left to leave
  v1::LeaveRequest request;
  request.set_member_id(member_id());
  request.set_incarnation(options_.member.incarnation());
  v1::LeaveResponse response;
  // A trainer waits a little for a registry that is being restarted: its
  // channels take memory until it is told, or the lease runs out.
  const bool waits = options_.member.role() == v1::ROLE_TRAINER;
  const auto deadline = std::chrono::system_clock::now() + kLeaveDeadline;
  v1::RegistryService::Stub registry(channel_);
  grpc::Status status;
  do {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    context.set_wait_for_ready(waits);
    status = registry.Leave(&context, request, &response);
  } while (waits && status.error_code() == grpc::StatusCode::UNAVAILABLE);
}

absl::Status Membership::status() const {
  MutexLock lock(&mutex_);
  return replaced_;
}

absl::StatusOr<uint64_t> Membership::ConfirmLease() {
  FAIRLEAD_RETURN_IF_ERROR(Renew().status());
  MutexLock lock(&mutex_);
  return leases_lost_;
}

uint64_t Membership::member_id() const {
  MutexLock lock(&mutex_);
  return joined_.member_id();
}

uint32_t Membership::rank() const {
  MutexLock lock(&mutex_);
  return joined_.rank();
}

absl::Status Membership::Join() {
  grpc::ClientContext context;
  SetDeadline(context, kCallDeadline);
  v1::JoinRequest request = options_.member;
  {
    MutexLock lock(&mutex_);
    request.set_address(address_);
  }
  v1::JoinResponse response;
  v1::RegistryService::Stub registry(channel_);
  FAIRLEAD_RETURN_IF_ERROR(
      rpc::ToAbslStatus(registry.Join(&context, request, &response)));
  {
    MutexLock lock(&mutex_);
    joined_ = response;
  }
  if (options_.on_joined != nullptr) {
    FAIRLEAD_RETURN_IF_ERROR(options_.on_joined(response, channel_));
  }
  SetJoined(true);
  return absl::OkStatus();
}

void Membership::SetJoined(bool joined) {
  if (options_.readiness != nullptr)
    options_.readiness->Set("joining", !joined);
}

void Membership::SetDraining(bool draining) {
  if (options_.readiness != nullptr) {
    options_.readiness->Set("draining", draining);
  }
  const bool begins = draining && !is_draining_;
  is_draining_ = draining;
  if (begins && options_.on_draining != nullptr) options_.on_draining();
}

absl::StatusOr<v1::HeartbeatResponse> Membership::Beat() {
  std::shared_ptr<HeartbeatStream> stream;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("the member is leaving");
    if (stream_ == nullptr) {
      v1::HeartbeatRequest beat;
      beat.set_member_id(joined_.member_id());
      beat.set_member_name(options_.member.member_name());
      beat.set_incarnation(options_.member.incarnation());
      stream_ = std::make_shared<HeartbeatStream>(channel_, beat);
    }
    stream = stream_;
  }
  absl::StatusOr<v1::HeartbeatResponse> response =
      stream->Beat(absl::FromChrono(kCallDeadline));
  if (!response.ok()) {
    MutexLock lock(&mutex_);
    if (absl::IsAborted(response.status())) replaced_ = response.status();
    if (absl::IsNotFound(response.status())) ++leases_lost_;
    stream_ = nullptr;  // `stream` is let go of after the lock
  }
  return response;
}

absl::StatusOr<absl::Duration> Membership::Renew() {
  MutexLock renewing(&renewing_);
  FAIRLEAD_RETURN_IF_ERROR(status());
  if (!must_join_) {
    const absl::StatusOr<v1::HeartbeatResponse> response = Beat();
    if (!response.ok() && !absl::IsNotFound(response.status())) {
      return response.status();
    }
    if (response.ok()) SetDraining(response->draining());
    MutexLock lock(&mutex_);
    if (response.ok() &&
        response->registry_incarnation() == joined_.registry_incarnation()) {
      return FromProto(response->lease());
    }
  }
  return JoinAgain();
}

absl::Status Membership::SetAddress(const std::string& address) {
  MutexLock renewing(&renewing_);
  FAIRLEAD_RETURN_IF_ERROR(status());
  {
    MutexLock lock(&mutex_);
    if (address_ == address && !must_join_) return absl::OkStatus();
    address_ = address;
  }
  // One that was replaced must not take its place back.
  const absl::Status beat = Beat().status();
  if (absl::IsAborted(beat)) return beat;
  return JoinAgain().status();
}

absl::StatusOr<absl::Duration> Membership::JoinAgain() {
  // Until a Join has gone through with all that follows it, another is due,
  // though the registry may know this member by now.
  must_join_ = true;
  SetJoined(false);
  FAIRLEAD_RETURN_IF_ERROR(Join());
  std::shared_ptr<HeartbeatStream> ended;  // maybe of another id
  {
    MutexLock lock(&mutex_);
    ended.swap(stream_);
  }
  must_join_ = false;
  MutexLock lock(&mutex_);
  return FromProto(joined_.lease());
}

void Membership::Run() {
  rpc::Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()));
  absl::Duration wait = absl::ZeroDuration();
  {
    MutexLock lock(&mutex_);
    wait = FromProto(joined_.lease()) / 3;
  }
  while (true) {
    {
      MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
      if (stopping_) return;
    }
    const absl::StatusOr<absl::Duration> lease = Renew();
    if (!status().ok()) {
      if (options_.on_replaced != nullptr) options_.on_replaced();
      return;
    }
    if (lease.ok()) {
      backoff.Reset();
      wait = *lease / 3;
    } else {
      wait = backoff.Next();
    }
  }
}

std::string DefaultMemberName(const std::string& what) {
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) != 0) return what;
  return absl::StrCat(host, "/", what);
}

}  // namespace fairlead
