#include "services/registry/member_watch.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/open_streams.h"
#include "libs/rpc/status_conversion.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/registry.pb.h"
#include "services/registry/registry_core.h"
#include "services/registry/registry_state.h"

namespace fairlead {

// Lives until gRPC is done with it, and for as long as the list has it.
class MemberWatch::Call final
    : public grpc::ServerWriteReactor<v1::WatchMembersResponse> {
 public:
  Call(MemberWatch& watch, v1::Role role) : watch_(watch), role_(role) {}

  void Start(std::shared_ptr<Call> self,
             absl::StatusOr<rpc::OpenStreams::Place> place) {
    self_ = std::move(self);
    if (!place.ok()) {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (!finished_) why_ = rpc::ToGrpcStatus(place.status());
      finished_ = true;
      Finish(why_);
      return;
    }
    place_ = *std::move(place);
    const v1::ListMembersResponse all =
        watch_.core_.Read([this](const RegistryState& state) {
          return state.ListMembers(role_);
        });
    MutexLock lock(&mutex_);
    for (const v1::Member& member : all.members()) {
      known_.insert(member.member_id());
      *response_.add_members() = member;
    }
    if (finished_) {
      writing_ = false;
      Finish(why_);
    } else {
      StartWrite(&response_);
    }
  }

  void OnChanged(const absl::btree_set<uint64_t>& member_ids) {
    MutexLock lock(&mutex_);
    changed_.insert(member_ids.begin(), member_ids.end());
    if (!writing_) WriteChanged();
  }

  void End(const grpc::Status& why) {
    MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    why_ = why;
    if (!writing_) Finish(why_);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (finished_) {
        Finish(why_);
        return;
      }
      if (ok) {
        WriteChanged();
        return;
      }
    }
    End({grpc::StatusCode::UNAVAILABLE, "the stream broke"});
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override {
    watch_.Forget(this);
    self_.reset();
  }

 private:
  void WriteChanged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    response_.Clear();
    for (const uint64_t id : std::exchange(changed_, {})) {
      std::optional<v1::Member> member =
          watch_.core_.Read([id](const RegistryState& state) {
            const v1::Member* const found = state.FindMember(id);
            return found == nullptr ? std::optional<v1::Member>() : *found;
          });
      if (member.has_value() &&
          (role_ == v1::ROLE_UNSPECIFIED || member->role() == role_)) {
        known_.insert(id);
        *response_.add_members() = *std::move(member);
      } else if (known_.erase(id) > 0) {
        response_.add_left(id);
      }
    }
    if (finished_ || response_.members_size() + response_.left_size() == 0) {
      return;
    }
    writing_ = true;
    StartWrite(&response_);
  }

  MemberWatch& watch_;
  const v1::Role role_;
  std::shared_ptr<Call> self_;
  rpc::OpenStreams::Place place_;

  Mutex mutex_;
  v1::WatchMembersResponse response_ ABSL_GUARDED_BY(mutex_);
  absl::btree_set<uint64_t> known_ ABSL_GUARDED_BY(mutex_);  // to the reader
  absl::btree_set<uint64_t> changed_ ABSL_GUARDED_BY(mutex_);
  // From the first: a change must not get in before what Start writes.
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;
  // A stream is finished once, and not while it writes.
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status why_ ABSL_GUARDED_BY(mutex_);
};

grpc::ServerWriteReactor<v1::WatchMembersResponse>* MemberWatch::Watch(
    const v1::WatchMembersRequest& request,
    absl::StatusOr<rpc::OpenStreams::Place> place) {
  auto call = std::make_shared<Call>(*this, request.role());
  {
    // In the list first, so that no change falls between it and the first
    // message, which may tell of some twice.
    MutexLock lock(&mutex_);
    calls_.push_back(call);
  }
  call->Start(call, std::move(place));
  return call.get();
}

void MemberWatch::OnChanged(const absl::btree_set<uint64_t>& member_ids) {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mutex_);
    calls = calls_;
  }
  for (const auto& call : calls) call->OnChanged(member_ids);
}

void MemberWatch::Drain() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mutex_);
    calls = calls_;
  }
  for (const auto& call : calls) {
    call->End({grpc::StatusCode::UNAVAILABLE,
               "this registry is being shut down; watch again"});
  }
}

void MemberWatch::Forget(const Call* call) {
  MutexLock lock(&mutex_);
  std::erase_if(calls_, [call](const std::shared_ptr<Call>& other) {
    return other.get() == call;
  });
}

}  // namespace fairlead
