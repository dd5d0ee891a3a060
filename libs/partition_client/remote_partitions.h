#ifndef FAIRLEAD_LIBS_PARTITION_CLIENT_REMOTE_PARTITIONS_H_
#define FAIRLEAD_LIBS_PARTITION_CLIENT_REMOTE_PARTITIONS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/sampling/neighbor_sampler.h"

namespace fairlead {

enum class RowKind { kFeatures, kLabels };

// Rows that another partition is asked for.
struct RowFetch {
  uint32_t partition = 0;
  bool of_edges = false;  // `type` is an edge type of the dataset, or a node
                          // type
  int type = 0;
  RowKind kind = RowKind::kFeatures;
  std::vector<int64_t> ids;
  uint64_t row_bytes = 0;
  std::string answer;  // to be filled: ids.size() * row_bytes
};

// What a batch needs of other partitions in one go.
struct RemoteFetches {
  std::vector<NeighborFetch>* neighbors = nullptr;  // may be null
  std::vector<RowFetch>* rows = nullptr;            // may be null
};

// Asks other partitions of the graph. Thread-safe.
class RemotePartitions {
 public:
  virtual ~RemotePartitions() = default;

  // Fills the answers and then calls `done`, once, on any thread, maybe before
  // it returns. What is fetched must live until then. An error names the
  // partition: UNAVAILABLE or DEADLINE_EXCEEDED if none of its replicas
  // answered in time, NOT_FOUND for ids that it does not have, INTERNAL for an
  // answer that is none.
  virtual void Fetch(const RemoteFetches& fetches,
                     std::function<void(absl::Status)> done) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_CLIENT_REMOTE_PARTITIONS_H_
