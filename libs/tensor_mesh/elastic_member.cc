#include "libs/tensor_mesh/elastic_member.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

constexpr size_t kMicroBatches = 3;
constexpr uint64_t kMaxServers = 16;
// How long until it is looked again whether all is over.
constexpr absl::Duration kLook = absl::Milliseconds(100);

struct MicroBatch {
  MeshHandler handler = 0;  // 0: not in flight
  std::vector<uint32_t> servers;
  float value = 0;
  std::vector<float> push;
  std::vector<std::vector<float>> replies;  // by server
};

absl::Status Send(MeshWorker& worker, uint64_t key, float value,
                  MicroBatch& batch) {
  batch.servers = worker.live_servers();
  if (batch.servers.empty()) {
    return worker.AwaitServers({worker.servers()[0]}, kLook);
  }
  batch.value = value;
  std::fill(batch.push.begin(), batch.push.end(), value);
  batch.replies.resize(batch.servers.size());
  std::vector<MeshPull> pulls;
  for (size_t i = 0; i < batch.servers.size(); ++i) {
    batch.replies[i].assign(batch.push.size(), 0);
    pulls.push_back({key * kMaxServers + i, Buffer(batch.replies[i])});
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      batch.handler,
      worker.PushPull({{key, View(batch.push)}}, std::move(pulls),
                      {.servers = batch.servers}));
  return absl::OkStatus();
}

// Whether all its servers have answered, and rightly.
absl::StatusOr<bool> Finish(MeshWorker& worker, MicroBatch& batch) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<absl::Status> outcomes,
      worker.WaitEach(std::exchange(batch.handler, 0), kHang));
  bool is_whole = true;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (absl::IsUnavailable(outcomes[i])) {
      is_whole = false;
      continue;
    }
    FAIRLEAD_RETURN_IF_ERROR(outcomes[i]);
    const float wanted = batch.value * static_cast<float>(batch.servers[i] + 1);
    for (const float reply : batch.replies[i]) {
      if (reply == wanted) continue;
      return absl::DataLossError(absl::StrCat(
          "server ", batch.servers[i], " answered ", reply, ", not ", wanted));
    }
  }
  return is_whole;
}

// What is part of going on without those that are lost.
bool IsToBeBorne(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) ||
         absl::IsDeadlineExceeded(status);
}

}  // namespace

absl::Status WorkUntil(MeshWorker& worker, size_t floats,
                       absl::FunctionRef<bool()> is_over,
                       const std::function<void(const std::string&)>& say) {
  std::array<MicroBatch, kMicroBatches> batches;
  for (MicroBatch& batch : batches) batch.push.resize(floats);
  std::vector<uint32_t> last;
  for (uint64_t round = 0; !is_over(); ++round) {
    const uint64_t key = round % kMicroBatches;
    MicroBatch& batch = batches[key];
    if (batch.handler != 0) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool is_whole, Finish(worker, batch));
      if (is_whole && batch.servers != last) {
        last = batch.servers;
        say(absl::StrCat("served by ", absl::StrJoin(last, " ")));
      }
    }
    const absl::Status sent =
        Send(worker, key, static_cast<float>(round % 1000 + 1), batch);
    if (!IsToBeBorne(sent)) return sent;
  }
  for (MicroBatch& batch : batches) {
    if (batch.handler != 0) {
      FAIRLEAD_RETURN_IF_ERROR(Finish(worker, batch).status());
    }
  }
  return absl::OkStatus();
}

absl::Status ServeUntil(MeshServer& server, float factor,
                        absl::FunctionRef<bool()> is_over) {
  while (!is_over()) {
    const auto batch = server.GetBatch({.at_least = 1, .timeout = kLook});
    if (!IsToBeBorne(batch.status())) return batch.status();
    if (absl::IsUnavailable(batch.status())) {
      // All that there were are lost.
      server.AwaitWorkers({server.workers()[0]}, kLook).IgnoreError();
    }
    if (!batch.ok()) continue;
    for (const MeshServerRequest& request : batch->requests) {
      const absl::Status answered = AnswerWithSum(server, request, factor);
      if (!IsToBeBorne(answered)) return answered;
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead::testing
