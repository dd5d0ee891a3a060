#include "libs/membership/member_watch.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/backoff.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

MemberWatch::MemberWatch(Options options)
    : options_(std::move(options)),
      channel_(rpc::MakeChannel(options_.registry, options_.security)) {}

absl::StatusOr<std::unique_ptr<MemberWatch>> MemberWatch::Start(
    Options options) {
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddresses("registry", options.registry));
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<MemberWatch> watch(new MemberWatch(std::move(options)));
  watch->thread_ = std::thread([w = watch.get()] { w->Run(); });
  const absl::Duration timeout = watch->options_.connect_timeout;
  if (!watch->AwaitChange(0, absl::Now() + timeout)) {
    MutexLock lock(&watch->mutex_);
    return absl::DeadlineExceededError(
        absl::StrCat("registry at ", watch->options_.registry,
                     ": does not say who is in the cluster within ",
                     absl::FormatDuration(timeout), "; is it running? (",
                     std::string(watch->error_.message()), ")"));
  }
  return watch;
}

MemberWatch::~MemberWatch() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

MemberWatch::Members MemberWatch::members() const {
  MutexLock lock(&mutex_);
  return members_;
}

bool MemberWatch::Has(const std::string& name) const {
  MutexLock lock(&mutex_);
  return members_.contains(name);
}

uint64_t MemberWatch::version() const {
  MutexLock lock(&mutex_);
  return version_;
}

bool MemberWatch::Await(absl::FunctionRef<bool(const Members&)> holds,
                        absl::Time deadline) const {
  MutexLock lock(&mutex_);
  const auto condition = [this, holds]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return holds(members_);
  };
  return mutex_.AwaitWithDeadline(absl::Condition(&condition), deadline);
}

bool MemberWatch::AwaitChange(uint64_t version, absl::Time deadline) const {
  MutexLock lock(&mutex_);
  const auto condition = [this, version]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return version_ != version;
  };
  return mutex_.AwaitWithDeadline(absl::Condition(&condition), deadline);
}

void MemberWatch::Run() {
  rpc::Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()));
  v1::RegistryService::Stub registry(channel_);
  v1::WatchMembersRequest request;
  request.set_role(options_.role);
  while (true) {
    grpc::ClientContext context;
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      context_ = &context;
    }
    const auto reader = registry.WatchMembers(&context, request);
    v1::WatchMembersResponse response;
    for (bool is_first = true; reader->Read(&response); is_first = false) {
      Apply(response, is_first);
      backoff.Reset();
    }
    const absl::Status status = rpc::ToAbslStatus(reader->Finish());
    MutexLock lock(&mutex_);
    context_ = nullptr;
    error_ = status;
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), backoff.Next());
  }
}

void MemberWatch::Apply(const v1::WatchMembersResponse& response,
                        bool is_first) {
  MutexLock lock(&mutex_);
  if (is_first) members_.clear();
  for (const uint64_t id : response.left()) {
    std::erase_if(members_, [id](const auto& entry) {
      return entry.second.member_id() == id;
    });
  }
  for (const v1::Member& member : response.members()) {
    if (absl::StartsWith(member.member_name(), options_.name_prefix)) {
      members_[member.member_name()] = member;
    }
  }
  ++version_;
  if (options_.on_change != nullptr) options_.on_change(members_);
}

}  // namespace fairlead
