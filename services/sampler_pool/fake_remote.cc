#include "services/sampler_pool/fake_remote.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "libs/partition_client/fetch_encoding.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead::testing {
namespace {

absl::Status AnswerFrom(const PartitionedDataset& parts,
                        const RemoteFetches& fetches) {
  std::map<uint32_t, PartitionFetches> asked;
  if (fetches.neighbors != nullptr) {
    for (NeighborFetch& fetch : *fetches.neighbors) {
      asked[fetch.partition].neighbors.push_back(&fetch);
    }
  }
  if (fetches.rows != nullptr) {
    for (RowFetch& fetch : *fetches.rows) {
      asked[fetch.partition].rows.push_back(&fetch);
    }
  }
  for (const auto& [partition, of_partition] : asked) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        v1::PeerFetchResponse response,
        AnswerFetches(parts.partition(partition), EncodeFetches(of_partition)));
    FAIRLEAD_RETURN_IF_ERROR(DecodeAnswers(&response, of_partition));
  }
  return absl::OkStatus();
}

}  // namespace

class FakeRemote::Client final : public RemotePartitions {
 public:
  explicit Client(FakeRemote& remote) : remote_(remote) {}
  ~Client() override { remote_.CancelAll(); }

  void Fetch(const RemoteFetches& fetches,
             std::function<void(absl::Status)> done) override {
    remote_.Take({.fetches = fetches, .done = std::move(done)});
  }

 private:
  FakeRemote& remote_;
};

FakeRemote::FakeRemote(const PartitionedDataset& parts, Mode mode)
    : parts_(parts), mode_(mode) {
  if (mode == Mode::kElsewhere) thread_ = std::thread([this] { RunThread(); });
}

FakeRemote::~FakeRemote() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<RemotePartitions> FakeRemote::NewClient() {
  return std::make_unique<Client>(*this);
}

void FakeRemote::FailIf(std::function<absl::Status(uint64_t)> failure) {
  MutexLock lock(&mutex_);
  failure_ = std::move(failure);
}

void FakeRemote::Take(Asked asked) {
  {
    MutexLock lock(&mutex_);
    asked.number = num_fetches_++;
    if (mode_ != Mode::kAtOnce) {
      waiting_.push_back(std::move(asked));
      return;
    }
  }
  Answer(asked);
}

void FakeRemote::Answer(const Asked& asked) {
  std::function<absl::Status(uint64_t)> failure;
  {
    MutexLock lock(&mutex_);
    failure = failure_;
  }
  absl::Status status =
      failure == nullptr ? absl::OkStatus() : failure(asked.number);
  if (status.ok()) status = AnswerFrom(parts_, asked.fetches);
  asked.done(std::move(status));
}

void FakeRemote::RunThread() {
  const auto has_work_or_stops = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || !waiting_.empty();
  };
  for (uint64_t i = 0;; ++i) {
    Asked asked;
    {
      MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work_or_stops));
      if (stopping_) return;
      RandomStream random(1, i, 0);
      const auto at = static_cast<ptrdiff_t>(random.Below(waiting_.size()));
      asked = std::move(waiting_[static_cast<size_t>(at)]);
      waiting_.erase(waiting_.begin() + at);
      ++num_answering_;
    }
    Answer(asked);
    MutexLock lock(&mutex_);
    --num_answering_;
  }
}

void FakeRemote::CancelAll() {
  std::vector<Asked> cancelled;
  {
    MutexLock lock(&mutex_);
    cancelled.swap(waiting_);
    const auto is_idle = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return num_answering_ == 0;
    };
    mutex_.Await(absl::Condition(&is_idle));
  }
  for (const Asked& asked : cancelled) {
    asked.done(absl::CancelledError("the client is shutting down"));
  }
}

void FakeRemote::AwaitHeld(size_t count) {
  MutexLock lock(&mutex_);
  const auto are_held = [this, count]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return waiting_.size() >= count;
  };
  mutex_.Await(absl::Condition(&are_held));
}

void FakeRemote::Release() {
  std::vector<Asked> released;
  {
    MutexLock lock(&mutex_);
    mode_ = Mode::kAtOnce;
    released.swap(waiting_);
  }
  for (const Asked& asked : released) Answer(asked);
}

size_t FakeRemote::num_held() const {
  MutexLock lock(&mutex_);
  return waiting_.size();
}

uint64_t FakeRemote::num_fetches() const {
  MutexLock lock(&mutex_);
  return num_fetches_;
}

}  // namespace fairlead::testing
