#include "services/registry/etcd_client.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/rpc/backoff.h"
#include "libs/rpc/channel.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// How long a member may take to be connected to, before another is tried.
constexpr absl::Duration kConnectDeadline = absl::Milliseconds(250);

// Whether another member, or the same one a little later, may do better.
bool MayPass(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

}  // namespace

EtcdClient::EtcdClient(const std::vector<std::string>& endpoints,
                       absl::Duration call_deadline,
                       const std::shared_ptr<rpc::Security>& security)
    : name_(absl::StrCat("etcd at ", absl::StrJoin(endpoints, ","))),
      is_secure_(security != nullptr),
      call_deadline_(call_deadline) {
  for (const std::string& endpoint : endpoints) {
    const std::shared_ptr<grpc::Channel> channel =
        rpc::MakeChannel(endpoint, security, rpc::Peer::kHost);
    members_.push_back({channel, etcdserverpb::KV::NewStub(channel),
                        etcdserverpb::Lease::NewStub(channel),
                        etcdserverpb::Watch::NewStub(channel)});
  }
}

absl::StatusOr<etcdserverpb::RangeResponse> EtcdClient::Range(
    const etcdserverpb::RangeRequest& request) {
  etcdserverpb::RangeResponse response;
  FAIRLEAD_RETURN_IF_ERROR(
      Call([&](Member& member, grpc::ClientContext* context) {
        return member.kv->Range(context, request, &response);
      }));
  return response;
}

absl::Status EtcdClient::Put(const etcdserverpb::PutRequest& request) {
  return Call([&](Member& member, grpc::ClientContext* context) {
    etcdserverpb::PutResponse response;
    return member.kv->Put(context, request, &response);
  });
}

absl::Status EtcdClient::DeleteRange(
    const etcdserverpb::DeleteRangeRequest& request) {
  return Call([&](Member& member, grpc::ClientContext* context) {
    etcdserverpb::DeleteRangeResponse response;
    return member.kv->DeleteRange(context, request, &response);
  });
}

absl::StatusOr<etcdserverpb::TxnResponse> EtcdClient::Txn(
    const etcdserverpb::TxnRequest& request, bool* lost_answer) {
  etcdserverpb::TxnResponse response;
  FAIRLEAD_RETURN_IF_ERROR(Call(
      [&](Member& member, grpc::ClientContext* context) {
        return member.kv->Txn(context, request, &response);
      },
      lost_answer));
  return response;
}

absl::StatusOr<int64_t> EtcdClient::GrantLease(absl::Duration ttl) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(absl::ToInt64Seconds(absl::Ceil(ttl, absl::Seconds(1))));
  etcdserverpb::LeaseGrantResponse response;
  FAIRLEAD_RETURN_IF_ERROR(
      Call([&](Member& member, grpc::ClientContext* context) {
        return member.lease->LeaseGrant(context, request, &response);
      }));
  return response.id();
}

absl::Status EtcdClient::RevokeLease(int64_t lease) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease);
  return Call([&](Member& member, grpc::ClientContext* context) {
    etcdserverpb::LeaseRevokeResponse response;
    return member.lease->LeaseRevoke(context, request, &response);
  });
}

absl::StatusOr<bool> EtcdClient::KeepAlive(int64_t lease) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseKeepAliveResponse response;
  // One stream for each renewal: so it has a deadline, as any other call.
  FAIRLEAD_RETURN_IF_ERROR(
      Call([&](Member& member, grpc::ClientContext* context) -> grpc::Status {
        const auto stream = member.lease->LeaseKeepAlive(context);
        const bool answered = stream->Write(request) && stream->Read(&response);
        if (answered) stream->WritesDone();
        const grpc::Status status = stream->Finish();
        if (answered) return grpc::Status::OK;
        return status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE,
                                          "the keep-alive was not answered")
                           : status;
      }));
  return response.ttl() > 0;
}

absl::Status EtcdClient::Watch(
    const etcdserverpb::WatchCreateRequest& request, absl::Duration deadline,
    absl::FunctionRef<bool(const etcdserverpb::WatchResponse&)> on_response) {
  bool wanted = true;
  const auto one_try = [&](Member& member, grpc::ClientContext* context) {
    // A member that is cut off from the others ends the stream, which it would
    // else keep open in silence.
    context->AddMetadata("hasleader", "true");
    const auto stream = member.watch->Watch(context);
    etcdserverpb::WatchRequest create;
    *create.mutable_create_request() = request;
    stream->Write(create);
    etcdserverpb::WatchResponse response;
    while (wanted && stream->Read(&response)) wanted = on_response(response);
    if (!wanted) context->TryCancel();
    return stream->Finish();
  };
  bool sent = false;
  const grpc::Status status = Try(absl::Now() + deadline, one_try, &sent);
  return wanted ? Error(status) : absl::OkStatus();
}

void EtcdClient::BreakCalls() {
  MutexLock lock(&mutex_);
  for (grpc::ClientContext* context : under_way_) context->TryCancel();
}

void EtcdClient::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  for (grpc::ClientContext* context : under_way_) context->TryCancel();
}

absl::Status EtcdClient::Call(OneTry one_try, bool* lost_answer) {
  const absl::Time deadline = absl::Now() + call_deadline_;
  rpc::Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()),
                       absl::Milliseconds(10), absl::Milliseconds(100));
  while (true) {
    // A member that hangs, or waits for a leader to be elected, must leave time
    // for the next one.
    bool sent = false;
    const grpc::Status status = Try(
        std::min(deadline, absl::Now() + call_deadline_ / 4), one_try, &sent);
    if (status.ok()) return absl::OkStatus();
    if (!MayPass(status)) return Error(status);
    if (sent && lost_answer != nullptr) *lost_answer = true;
    MutexLock lock(&mutex_);
    const absl::Duration wait =
        std::min(backoff.Next(), deadline - absl::Now());
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopped_), wait) ||
        absl::Now() >= deadline) {
      return Error(status);
    }
  }
}

grpc::Status EtcdClient::Try(absl::Time deadline, OneTry one_try, bool* sent) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  size_t current;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return {grpc::StatusCode::CANCELLED, "the store is closed"};
    current = current_;
    under_way_.insert(&context);
  }
  Member& member = members_[current];
  grpc::Status status;
  // gRPC connects only while it is waited for: a call that fails at once would
  // do so for ever.
  if (member.channel->WaitForConnected(absl::ToChronoTime(
          std::min(deadline, absl::Now() + kConnectDeadline)))) {
    *sent = true;
    status = one_try(member, &context);
  } else {
    status = {grpc::StatusCode::UNAVAILABLE, WhyNotConnected(member)};
  }
  MutexLock lock(&mutex_);
  under_way_.erase(&context);
  if (MayPass(status) && current == current_) {
    current_ = (current_ + 1) % members_.size();
  }
  return status;
}

std::string EtcdClient::WhyNotConnected(Member& member) const {
  std::string why = "cannot be reached";
  if (member.channel->GetState(/*try_to_connect=*/false) ==
      GRPC_CHANNEL_TRANSIENT_FAILURE) {
    // gRPC tells it to calls alone: this one reads nothing, if it comes through
    // after all.
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kConnectDeadline));
    etcdserverpb::RangeRequest request;
    request.set_key("connected");
    request.set_keys_only(true);
    etcdserverpb::RangeResponse response;
    const grpc::Status status = member.kv->Range(&context, request, &response);
    if (!status.ok()) absl::StrAppend(&why, " (", status.error_message(), ")");
  }
  absl::StrAppend(&why, is_secure_
                            ? "; is its certificate of --tls_ca, for that host?"
                            : "; if it speaks TLS, name it etcds://");
  return why;
}

absl::Status EtcdClient::Error(const grpc::Status& status) const {
  const std::string text =
      absl::StrCat("store: ", name_, ": ", status.error_message());
  switch (status.error_code()) {
    case grpc::StatusCode::OUT_OF_RANGE:
      return absl::OutOfRangeError(text);
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (absl::StrContains(text, "space exceeded")) {
        return absl::UnavailableError(absl::StrCat(
            text, "; compact and defragment it, then `etcdctl alarm disarm`"));
      }
      return absl::ResourceExhaustedError(text);
    case grpc::StatusCode::INVALID_ARGUMENT:
      // What was put on a lease went with it.
      if (absl::StrContains(text, "key not found")) {
        return absl::UnavailableError(
            absl::StrCat(text, "; it was too slow: try again"));
      }
      if (absl::StrContains(text, "too large") ||
          absl::StrContains(text, "too many")) {
        return absl::ResourceExhaustedError(
            absl::StrCat(text,
                         "; start it with its default --max-request-bytes and "
                         "--max-txn-ops, or more"));
      }
      return absl::InvalidArgumentError(text);
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return absl::FailedPreconditionError(absl::StrCat(
          text, "; give the registry an etcd that asks for no user"));
    case grpc::StatusCode::FAILED_PRECONDITION:
      return absl::FailedPreconditionError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace fairlead
