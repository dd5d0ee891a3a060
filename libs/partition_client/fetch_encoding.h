#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_FETCH_ENCODING_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_FETCH_ENCODING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/graph/dataset.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/sampling/neighbor_draw.h"
#include "protos/fairlead/v1/graph_store.pb.h"

namespace fairlead {

// A round of fetches as one partition is asked for it, and back. Both ends use
// this one place.

// What of `fetches` is asked of one partition, in order.
struct PartitionFetches {
  std::vector<NeighborFetch*> neighbors;
  std::vector<RowFetch*> rows;
};

v1::PeerFetchRequest EncodeFetches(const PartitionFetches& fetches);

// Moves the answers to where they belong. INTERNAL unless there is one of the
// right size for each.
absl::Status DecodeAnswers(v1::PeerFetchResponse* response,
                           const PartitionFetches& fetches);

// Answers a request from a partition's data. INVALID_ARGUMENT for a request
// that makes no sense; NOT_FOUND, by name, for ids that are not here.
absl::StatusOr<v1::PeerFetchResponse> AnswerFetches(
    const Dataset& dataset, const v1::PeerFetchRequest& request);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_FETCH_ENCODING_H_
