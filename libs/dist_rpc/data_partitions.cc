#include "libs/dist_rpc/data_partitions.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

std::vector<uint32_t> Unserved(const PartitionToWorkers& workers) {
  std::vector<uint32_t> partitions;
  for (uint32_t p = 0; p < workers.size(); ++p) {
    if (workers[p].empty()) partitions.push_back(p);
  }
  return partitions;
}

absl::StatusOr<PartitionToWorkers> Collect(const MemberWatch::Members& members,
                                           const std::string& dataset,
                                           uint32_t num_data_partitions) {
  std::set<std::string> datasets;
  std::vector<std::map<uint32_t, std::string>> by_rank(num_data_partitions);
  for (const auto& [name, member] : members) {
    const v1::DatasetPartition& served = member.dataset();
    if (!member.has_dataset() ||
        (!dataset.empty() && served.name() != dataset)) {
      continue;
    }
    datasets.insert(served.name());
    if (served.num_partitions() != num_data_partitions ||
        served.partition() >= num_data_partitions) {
      return absl::FailedPreconditionError(absl::StrCat(
          "num_data_partitions: is ", num_data_partitions, " here, and ", name,
          " serves dataset ", served.name(), " in ", served.num_partitions()));
    }
    by_rank[served.partition()][member.rank()] = name;
  }
  if (datasets.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("dataset: the cluster has several, ",
                     absl::StrJoin(datasets, ", "), "; name one"));
  }
  PartitionToWorkers workers;
  for (std::map<uint32_t, std::string>& names : by_rank) {
    std::vector<std::string>& served_by = workers.emplace_back();
    for (auto& [rank, name] : names) served_by.push_back(std::move(name));
  }
  return workers;
}

}  // namespace

absl::StatusOr<PartitionToWorkers> SyncDataPartitions(
    const MemberWatch& watch, const std::string& dataset,
    uint32_t num_data_partitions, absl::Time deadline) {
  absl::StatusOr<PartitionToWorkers> workers;
  watch.Await(
      [&](const MemberWatch::Members& members) {
        workers = Collect(members, dataset, num_data_partitions);
        return !workers.ok() || Unserved(*workers).empty();
      },
      deadline);
  if (!workers.ok() || Unserved(*workers).empty()) return workers;
  return absl::DeadlineExceededError(absl::StrCat(
      "dataset ", dataset, ": nobody serves these of ", num_data_partitions,
      " partitions: ", absl::StrJoin(Unserved(*workers), ", ")));
}

}  // namespace fairlead
