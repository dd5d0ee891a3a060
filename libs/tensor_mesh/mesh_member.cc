#include "libs/tensor_mesh/mesh_member.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {

std::string MeshOffer::Encode() const {
  return absl::StrJoin({shm_domain, segment, address, token}, "\n");
}

absl::StatusOr<MeshOffer> MeshOffer::Parse(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, '\n');
  if (fields.size() != 4) {
    return absl::InvalidArgumentError(
        "speaks another version of the mesh; run the same build everywhere");
  }
  return MeshOffer{.shm_domain = fields[0],
                   .segment = fields[1],
                   .address = fields[2],
                   .token = fields[3]};
}

MeshMember::MeshMember(MeshConfig config,
                       std::shared_ptr<MeshRendezvous> rendezvous)
    : config_(std::move(config)),
      routes_(
          config_.routes.has_value()
              ? *config_.routes
              : MeshRoutes::AllToAll(config_.num_workers, config_.num_servers)),
      rendezvous_(std::move(rendezvous)),
      number_(config_.role == MeshRole::kWorker ? WorkerNumber(config_.rank)
                                                : ServerNumber(config_.rank)),
      all_(config_.num_workers + config_.num_servers) {
  std::iota(all_.begin(), all_.end(), 0);
}

std::string MeshMember::NameOf(uint32_t number) const {
  return number < config_.num_workers
             ? absl::StrCat("worker ", number)
             : absl::StrCat("server ", number - config_.num_workers);
}

absl::Status MeshMember::Explain(const absl::Status& status) const {
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(name(), ": ", status.message(), " (members 0 to ",
                   config_.num_workers - 1, " are workers, ",
                   config_.num_workers, " to ", all_.back(), " servers)"));
}

absl::StatusOr<std::vector<MeshOffer>> MeshMember::Exchange(
    const MeshOffer& offer, absl::Time deadline) {
  const absl::StatusOr<std::vector<std::string>> texts = rendezvous_->AllGather(
      absl::StrCat(config_.mesh, "/offers"), all_, offer.Encode(), deadline);
  if (!texts.ok()) return Explain(texts.status());
  std::vector<MeshOffer> offers;
  for (uint32_t number = 0; number < texts->size(); ++number) {
    absl::StatusOr<MeshOffer> parsed = MeshOffer::Parse((*texts)[number]);
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(NameOf(number), ": ", parsed.status().message()));
    }
    offers.push_back(*std::move(parsed));
  }
  return offers;
}

absl::Status MeshMember::Barrier(const MeshBarrier& scope,
                                 absl::Duration timeout) {
  const uint32_t step = scope.every_process ? 1 : config_.group_size;
  std::vector<uint32_t> members;
  if (scope.workers) {
    for (uint32_t i = 0; i < config_.num_workers; i += step) {
      members.push_back(WorkerNumber(i));
    }
  }
  if (scope.servers) {
    for (uint32_t i = 0; i < config_.num_servers; i += step) {
      members.push_back(ServerNumber(i));
    }
  }
  if (!std::binary_search(members.begin(), members.end(), number_)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "barrier: ", name(), " is not among those who are to meet",
        scope.every_process ? ""
                            : "; of a node's processes only the first is"));
  }
  if (members.size() == 1) return absl::OkStatus();
  const size_t kind = (scope.workers ? 1 : 0) | (scope.servers ? 2 : 0) |
                      (scope.every_process ? 4 : 0);
  MutexLock lock(&mutex_);
  FAIRLEAD_RETURN_IF_ERROR(Explain(rendezvous_->Barrier(
      absl::StrCat(config_.mesh, "/barrier-", kind, "/", barriers_[kind]),
      members, absl::Now() + timeout)));
  ++barriers_[kind];
  return absl::OkStatus();
}

absl::Status MeshMember::BarrierOfAll(const std::string& name,
                                      absl::Time deadline) {
  return Explain(rendezvous_->Barrier(absl::StrCat(config_.mesh, "/", name),
                                      all_, deadline));
}

}  // namespace fairlead::internal
