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
#include "libs/partition_client/peer_source.h"
#include "libs/partition_client/replica_directory.h"
#include "libs/rpc/backoff.h"
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

absl::Status ShuttingDown() {
  return absl::CancelledError("the client is shutting down");
}

// So soon who there is is asked for anew if somebody does not answer: others
// answer in its place, and nobody waits for the list.
constexpr absl::Duration kListAgainAfterFailure = absl::Seconds(1);

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
      Finish(ShuttingDown());
      return;
    }
    Try();
  }

  // May be called at any time, from any thread, while it is among the client's
  // calls.
  void Cancel() {
    MutexLock lock(&mutex_);
    is_cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
    if (alarm_ != nullptr) alarm_->Cancel();
  }

 private:
  // Of those who are known, one who was not asked yet.
  void Try() {
    const ReplicaDirectory::ReplicaPtr replica =
        client_.directory_->Next(partition_, tried_, absl::Now());
    if (replica != nullptr) {
      Ask(replica);
      return;
    }
    if (tried_.empty()) {
      last_error_ = absl::UnavailableError("nobody serves it");
    }
    AskWhoThereIs();
  }

  void Ask(const ReplicaDirectory::ReplicaPtr& replica) {
    const absl::Time now = absl::Now();
    if (now >= give_up_at_) {
      GiveUp();
      return;
    }
    replica_ = replica;
    tried_.push_back(replica);
    response_.Clear();
    grpc::ClientContext* context = nullptr;
    {
      MutexLock lock(&mutex_);
      if (!is_cancelled_) {
        // From here on Cancel finds it.
        context_ = std::make_unique<grpc::ClientContext>();
        context_->set_deadline(absl::ToChronoTime(
            std::min(now + client_.options_.call_deadline, give_up_at_)));
        context = context_.get();
      }
    }
    if (context == nullptr) {
      Finish(ShuttingDown());
      return;
    }
    {
      MutexLock lock(&client_.mutex_);
      ++client_.counts_.calls;
      client_.counts_.request_bytes += request_.ByteSizeLong();
    }
    asked_at_ = now;
    replica_->stub->async()->PeerFetch(
        context, &request_, &response_,
        [this](const grpc::Status& status) { OnAnswer(status); });
  }

  void OnAnswer(const grpc::Status& status) {
    const absl::Status result = rpc::ToAbslStatus(status);
    const absl::Time now = absl::Now();
    if (client_.options_.on_call_ended != nullptr) {
      client_.options_.on_call_ended(partition_, now - asked_at_);
    }
    {
      MutexLock lock(&client_.mutex_);
      client_.counts_.response_bytes += response_.ByteSizeLong();
      if (result.ok()) {
        ++client_.counts_.ok_calls;
      } else {
        ++client_.counts_.failed_calls;
        client_.list_again_at_ =
            std::min(client_.list_again_at_, now + kListAgainAfterFailure);
      }
    }
    if (result.ok()) {
      Finish(DecodeAnswers(&response_, fetches_));
    } else if (is_cancelled()) {
      Finish(ShuttingDown());
    } else if (!MayPass(result)) {
      Finish(result);
    } else {
      last_error_ = result;
      client_.directory_->Avoid(*replica_,
                                now + client_.options_.call_deadline);
      Try();  // another one, at once
    }
  }

  void AskWhoThereIs() {
    client_.peers_.List([this](absl::StatusOr<std::vector<Peer>> peers) {
      if (!peers.ok()) {
        last_error_ = peers.status();
        TryLater();
        return;
      }
      client_.directory_->Set(*peers);
      const ReplicaDirectory::ReplicaPtr replica =
          client_.directory_->Next(partition_, tried_, absl::Now());
      if (replica == nullptr) {
        TryLater();
      } else {
        Ask(replica);
      }
    });
  }

  void TryLater() {
    absl::Time at = absl::Now() + backoff_.Next();
    {
      MutexLock lock(&client_.mutex_);
      at = std::max(at, client_.retries_.Take(absl::Now()));
    }
    if (at >= give_up_at_ && !is_cancelled()) {
      GiveUp();
      return;
    }
    tried_.clear();
    {
      MutexLock lock(&mutex_);
      if (!is_cancelled_) {
        // (One that has rung stays silent.)
        alarm_ = std::make_unique<grpc::Alarm>();
        alarm_->Set(absl::ToChronoTime(at), [this](bool) {
          // Takes the lock, and so waits for whoever is setting the alarm.
          if (is_cancelled()) {
            Finish(ShuttingDown());
          } else {
            Try();
          }
        });
        return;
      }
    }
    Finish(ShuttingDown());
  }

  bool is_cancelled() {
    MutexLock lock(&mutex_);
    return is_cancelled_;
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
  v1::PeerFetchRequest request_;
  v1::PeerFetchResponse response_;
  ReplicaDirectory::ReplicaPtr replica_;  // who was asked last
  absl::Time asked_at_;                   // and when
  // Since it has waited.
  std::vector<ReplicaDirectory::ReplicaPtr> tried_;
  absl::Status last_error_;

  Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

PartitionClient::PartitionClient(Options options, PeerSource& peers)
    : options_(std::move(options)),
      peers_(peers),
      directory_(std::make_unique<ReplicaDirectory>(options_.security)) {}

PartitionClient::~PartitionClient() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  for (Call* call : calls_) call->Cancel();
  const auto is_idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return calls_.empty() && calls_going_ == 0 && !is_listing_;
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
  ListAgainIfDue();
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

void PartitionClient::ListAgainIfDue() {
  {
    MutexLock lock(&mutex_);
    const absl::Time now = absl::Now();
    if (stopping_ || is_listing_ || now < list_again_at_) return;
    is_listing_ = true;
    list_again_at_ = now + options_.list_again_after;
  }
  peers_.List([this](absl::StatusOr<std::vector<Peer>> peers) {
    // If it is not known now, those that were there will do.
    if (peers.ok()) directory_->Set(*peers);
    MutexLock lock(&mutex_);
    is_listing_ = false;
  });
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
    ++calls_going_;
  }
  // The destructor waits for this, so that it is the last to let go of a
  // connection: gRPC may not survive that in a callback of its own.
  delete call;
  MutexLock lock(&mutex_);
  --calls_going_;
}

}  // namespace fairlead
