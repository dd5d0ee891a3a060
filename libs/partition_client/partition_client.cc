#include "libs/partition_client/partition_client.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "libs/partition_client/fetch_encoding.h"
#include "libs/rpc/backoff.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"

namespace fairlead {
namespace {

// Whether another replica, or the same one later, may do better.
bool MayPass(const absl::Status& error) {
  return absl::IsUnavailable(error) || absl::IsDeadlineExceeded(error) ||
         absl::IsCancelled(error) ||
         // Somebody else has taken its port.
         absl::IsFailedPrecondition(error) || absl::IsUnimplemented(error);
}

}  // namespace

// All the calls of one Fetch.
class PartitionClient::Round {
 public:
  Round(size_t calls, std::function<void(absl::Status)> done)
      : left_(calls), done_(std::move(done)) {}

  void EndCall(const absl::Status& status) {
    {
      MutexLock lock(&mutex_);
      if (status_.ok()) status_ = status;
      if (--left_ > 0) return;
    }
    done_(status_);  // nobody else is left who could change it
  }

 private:
  Mutex mutex_;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_;
  const std::function<void(absl::Status)> done_;
};

// What one partition is asked in a round, as often as it takes. Owns itself
// from Start() until it has told its round.
class PartitionClient::Call {
 public:
  Call(PartitionClient& client, uint32_t partition, PartitionFetches fetches,
       std::shared_ptr<Round> round)
      : client_(client),
        partition_(partition),
        fetches_(std::move(fetches)),
        round_(std::move(round)),
        give_up_at_(absl::Now() + client.options_.give_up_after),
        backoff_(reinterpret_cast<uintptr_t>(this)) {
    request_ = EncodeFetches(fetches_);
    request_.set_dataset_name(client.options_.dataset_name);
    request_.set_num_partitions(client.options_.num_partitions);
    request_.set_partition(partition);
  }

  void Start() {
    if (!client_.Begin(this)) {
      Finish(absl::CancelledError("the client is shutting down"));
      return;
    }
    Try();
  }

  // May be called at any time, from any thread, while it is among the client's
  // calls.
  void Cancel() {
    MutexLock lock(&mutex_);
    if (context_ != nullptr) context_->TryCancel();
    if (alarm_ != nullptr) alarm_->Cancel();
  }

 private:
  void Try() {
    const std::shared_ptr<Replica> replica = client_.NextReplica(partition_);
    if (replica == nullptr) {
      last_error_ = absl::UnavailableError("nobody serves it");
      AskWhoThereIs();
      return;
    }
    replica_ = replica;
    ++tries_;
    response_.Clear();
    grpc::ClientContext* context = nullptr;
    {
      MutexLock lock(&mutex_);
      context_ = std::make_unique<grpc::ClientContext>();
      context_->set_deadline(
          absl::ToChronoTime(absl::Now() + client_.options_.call_deadline));
      context = context_.get();
    }
    // From here on Cancel finds the context.
    if (client_.is_stopping()) {
      Finish(absl::CancelledError("the client is shutting down"));
      return;
    }
    {
      MutexLock lock(&client_.mutex_);
      ++client_.counts_.calls;
      client_.counts_.request_bytes += request_.ByteSizeLong();
    }
    replica->stub->async()->Fetch(
        context, &request_, &response_,
        [this](const grpc::Status& status) { OnAnswer(status); });
  }

  void OnAnswer(const grpc::Status& status) {
    const absl::Status result = rpc::ToAbslStatus(status);
    {
      MutexLock lock(&client_.mutex_);
      if (!result.ok()) ++client_.counts_.failed_calls;
      client_.counts_.response_bytes += response_.ByteSizeLong();
    }
    if (result.ok()) {
      Finish(DecodeAnswers(&response_, fetches_));
      return;
    }
    last_error_ = result;
    if (client_.is_stopping() || !MayPass(result)) {
      Finish(result);
    } else if (tries_ < client_.NumReplicas(partition_)) {
      Try();  // another one, at once
    } else {
      AskWhoThereIs();
    }
  }

  void AskWhoThereIs() {
    client_.peers_.List([this](absl::StatusOr<std::vector<Peer>> peers) {
      if (peers.ok()) {
        client_.SetPeers(*peers);
      } else {
        last_error_ = peers.status();
      }
      // The first time who there is may just not have been asked for yet.
      if (peers.ok() && tries_ == 0 && !asked_before_ &&
          client_.NumReplicas(partition_) > 0) {
        asked_before_ = true;
        Try();
        return;
      }
      asked_before_ = true;
      TryLater();
    });
  }

  void TryLater() {
    const absl::Time at = absl::Now() + backoff_.Next();
    if (at >= give_up_at_ || client_.is_stopping()) {
      GiveUp();
      return;
    }
    tries_ = 0;
    MutexLock lock(&mutex_);
    alarm_ = std::make_unique<grpc::Alarm>();  // one that has rung stays silent
    alarm_->Set(absl::ToChronoTime(at), [this](bool) {
      if (client_.is_stopping()) {
        GiveUp();
      } else {
        Try();
      }
    });
  }

  void GiveUp() {
    {
      MutexLock lock(&client_.mutex_);
      ++client_.counts_.given_up;
    }
    Finish(absl::UnavailableError(
        absl::StrCat("no sampler pool answered for it within ",
                     absl::FormatDuration(client_.options_.give_up_after),
                     "; last: ", std::string(last_error_.message()))));
  }

  void Finish(const absl::Status& status) {
    const std::shared_ptr<Round> round = std::move(round_);
    const absl::Status named =
        status.ok()
            ? status
            : absl::Status(
                  status.code(),
                  absl::StrCat("partition ", partition_, " of dataset ",
                               client_.options_.dataset_name,
                               replica_ == nullptr
                                   ? std::string()
                                   : absl::StrCat(" at ", replica_->address),
                               ": ", std::string(status.message())));
    PartitionClient& client = client_;
    round->EndCall(named);
    // Last: the client may be gone once it has no calls.
    client.End(this);
  }

  PartitionClient& client_;
  const uint32_t partition_;
  const PartitionFetches fetches_;
  std::shared_ptr<Round> round_;
  const absl::Time give_up_at_;
  rpc::Backoff backoff_;
  v1::FetchRequest request_;
  v1::FetchResponse response_;
  std::shared_ptr<Replica> replica_;
  absl::Status last_error_;
  size_t tries_ = 0;  // since who there is was asked for
  bool asked_before_ = false;

  Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

PartitionClient::~PartitionClient() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  for (Call* call : calls_) call->Cancel();
  const auto is_idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return calls_.empty();
  };
  mutex_.Await(absl::Condition(&is_idle));
}

void PartitionClient::Fetch(const RemoteFetches& fetches,
                            std::function<void(absl::Status)> done) {
  std::map<uint32_t, PartitionFetches> by_partition;
  if (fetches.neighbors != nullptr) {
    for (NeighborFetch& fetch : *fetches.neighbors) {
      by_partition[fetch.partition].neighbors.push_back(&fetch);
    }
  }
  if (fetches.rows != nullptr) {
    for (RowFetch& fetch : *fetches.rows) {
      by_partition[fetch.partition].rows.push_back(&fetch);
    }
  }
  if (by_partition.empty()) {
    done(absl::OkStatus());
    return;
  }
  const auto round =
      std::make_shared<Round>(by_partition.size(), std::move(done));
  std::vector<Call*> calls;
  for (auto& [partition, asked] : by_partition) {
    calls.push_back(new Call(*this, partition, std::move(asked), round));
  }
  for (Call* call : calls) call->Start();
}

PartitionClient::Counts PartitionClient::counts() const {
  MutexLock lock(&mutex_);
  Counts counts = counts_;
  counts.in_flight = calls_.size();
  return counts;
}

std::shared_ptr<PartitionClient::Replica> PartitionClient::NextReplica(
    uint32_t partition) {
  MutexLock lock(&mutex_);
  const auto it = replicas_.find(partition);
  if (it == replicas_.end() || it->second.empty()) return nullptr;
  return it->second[next_replica_++ % it->second.size()];
}

size_t PartitionClient::NumReplicas(uint32_t partition) const {
  MutexLock lock(&mutex_);
  const auto it = replicas_.find(partition);
  return it == replicas_.end() ? 0 : it->second.size();
}

void PartitionClient::SetPeers(const std::vector<Peer>& peers) {
  MutexLock lock(&mutex_);
  absl::flat_hash_map<uint32_t, std::vector<std::shared_ptr<Replica>>> now;
  for (const Peer& peer : peers) {
    std::shared_ptr<Replica> replica;
    for (const std::shared_ptr<Replica>& known : replicas_[peer.partition]) {
      if (known->address == peer.address) replica = known;
    }
    if (replica == nullptr) {
      replica = std::make_shared<Replica>();
      replica->address = peer.address;
      replica->stub =
          v1::GraphStoreService::NewStub(rpc::MakeChannel(peer.address));
    }
    now[peer.partition].push_back(std::move(replica));
  }
  replicas_ = std::move(now);
}

bool PartitionClient::Begin(Call* call) {
  MutexLock lock(&mutex_);
  calls_.insert(call);
  return !stopping_;
}

void PartitionClient::End(Call* call) {
  {
    MutexLock lock(&mutex_);
    calls_.erase(call);
  }
  delete call;
}

bool PartitionClient::is_stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

}  // namespace fairlead
