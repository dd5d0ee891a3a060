#ifndef FAIRLEAD_LIBS_DIST_RPC_DATA_PARTITIONS_H_
#define FAIRLEAD_LIBS_DIST_RPC_DATA_PARTITIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/dist_rpc/rpc_data_partition_router.h"
#include "libs/membership/member_watch.h"

namespace fairlead {

// Waits until every partition of a dataset is served, and returns by whom, by
// rank (parity GL-129: there a collective of all workers; here the registry
// knows). `watch` is of sampler pools; an empty `dataset` is the only one that
// there is.
//   DEADLINE_EXCEEDED    naming the partitions that nobody serves;
//   FAILED_PRECONDITION  if the dataset is in another number of partitions,
//                        with both, or `dataset` is empty and there are
//                        several, with their names.
absl::StatusOr<PartitionToWorkers> SyncDataPartitions(
    const MemberWatch& watch, const std::string& dataset,
    uint32_t num_data_partitions, absl::Time deadline);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_DIST_RPC_DATA_PARTITIONS_H_
