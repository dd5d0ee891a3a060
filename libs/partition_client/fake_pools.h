#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_FAKE_POOLS_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_FAKE_POOLS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/partition_client/partition_client.h"
#include "libs/partition_client/peer_source.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/rpc/server.h"
#include "libs/sampling/neighbor_sampler.h"
#include "libs/sync/mutex.h"
#include "protos/fairlead/v1/graph_store.grpc.pb.h"

// What tests of a PartitionClient put around it.
namespace fairlead::testing {

// A pool: answers that each node's neighbour is 100 * node + partition, and
// each row its id's last digit; or fails, or hangs.
class FakePool final : public v1::GraphStoreService::Service {
 public:
  FakePool() {
    server_ = rpc::Server::Start({.listen = "127.0.0.1:0"}, {this}).value();
    address_ = server_->address();
  }
  ~FakePool() override { Stop(); }

  const std::string& address() const { return address_; }

  void FailWith(grpc::StatusCode code, const std::string& message) {
    MutexLock lock(&mutex_);
    failure_ = grpc::Status(code, message);
  }
  void Hang() {
    MutexLock lock(&mutex_);
    hangs_ = true;
  }
  void GoOn() {
    MutexLock lock(&mutex_);
    hangs_ = false;
  }
  void Stop() {
    GoOn();
    server_.reset();
  }

  uint64_t calls() const {
    MutexLock lock(&mutex_);
    return calls_;
  }
  void AwaitCall() const {
    MutexLock lock(&mutex_);
    const auto is_called = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return calls_ > 0;
    };
    mutex_.Await(absl::Condition(&is_called));
  }
  v1::PeerFetchRequest last_request() const {
    MutexLock lock(&mutex_);
    return last_request_;
  }

  grpc::Status PeerFetch(grpc::ServerContext* /*context*/,
                         const v1::PeerFetchRequest* request,
                         v1::PeerFetchResponse* response) override {
    MutexLock lock(&mutex_);
    ++calls_;
    last_request_ = *request;
    const auto moves = [this]()
                           ABSL_NO_THREAD_SAFETY_ANALYSIS { return !hangs_; };
    mutex_.Await(absl::Condition(&moves));
    for (const v1::DrawRequest& draw : request->draws()) {
      v1::DrawResponse* answer = response->add_draws();
      for (const int64_t node : draw.nodes()) {
        answer->add_counts(1);
        answer->add_neighbors(100 * node + request->partition());
      }
    }
    for (const v1::RowsRequest& rows : request->rows()) {
      std::string* answer = response->add_rows();
      for (const int64_t id : rows.ids()) *answer += std::to_string(id % 10);
    }
    return failure_;
  }

 private:
  mutable Mutex mutex_;
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hangs_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status failure_ ABSL_GUARDED_BY(mutex_);
  v1::PeerFetchRequest last_request_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::Server> server_;
  std::string address_;
};

// Says at once what it is told to, one answer after another; the last again and
// again.
class FakePeers final : public PeerSource {
 public:
  using Answer = absl::StatusOr<std::vector<Peer>>;

  explicit FakePeers(std::deque<Answer> answers)
      : answers_(std::move(answers)) {}

  void List(std::function<void(Answer)> done) override {
    Answer answer = absl::UnknownError("");
    {
      MutexLock lock(&mutex_);
      answer = answers_.front();
      if (answers_.size() > 1) answers_.pop_front();
    }
    done(std::move(answer));
  }

 private:
  Mutex mutex_;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

// Some fetches, and what became of them.
class FetchOutcome {
 public:
  NeighborFetch& AddDraw(uint32_t partition, std::vector<int64_t> nodes) {
    return draws_.emplace_back(
        NeighborFetch{.partition = partition, .nodes = std::move(nodes)});
  }
  void AddRows(uint32_t partition, std::vector<int64_t> ids) {
    rows_.push_back(
        {.partition = partition, .ids = std::move(ids), .row_bytes = 1});
  }

  void Start(PartitionClient& client) {
    client.Fetch({.neighbors = &draws_, .rows = &rows_},
                 [this](absl::Status status) {
                   MutexLock lock(&mutex_);
                   status_ = std::move(status);
                   ++times_done_;
                 });
  }
  absl::Status Wait() {
    MutexLock lock(&mutex_);
    const auto is_done = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return times_done_ > 0;
    };
    mutex_.Await(absl::Condition(&is_done));
    return status_;
  }
  int times_done() {
    MutexLock lock(&mutex_);
    return times_done_;
  }

  const std::vector<int64_t>& neighbors(size_t i) const {
    return draws_[i].answer.neighbors;
  }
  const std::string& rows(size_t i) const { return rows_[i].answer; }

 private:
  std::vector<NeighborFetch> draws_;
  std::vector<RowFetch> rows_;
  Mutex mutex_;
  absl::Status status_;
  int times_done_ = 0;
};

// One that no test waits for.
inline constexpr absl::Duration kForever = absl::Hours(24);

inline PartitionClient::Options PatientOptions() {
  return {.dataset_name = "graph",
          .num_partitions = 3,
          .call_deadline = kForever,
          .give_up_after = kForever,
          .list_again_after = kForever};
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_FAKE_POOLS_H_
