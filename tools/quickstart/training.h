#ifndef FAIRLEAD_TOOLS_QUICKSTART_TRAINING_H_
#define FAIRLEAD_TOOLS_QUICKSTART_TRAINING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "tools/quickstart/relational_sage.h"

namespace fairlead {

// What the trainer must know of the graph before the first batch.
struct GraphShape {
  std::string node_type;                     // of seeds and of all else
  std::map<std::string, int64_t> relations;  // "src__relation__dst" -> number
  int64_t classes = 0;
};

// A batch off the wire as tensors, which alias its bytes. DATA_LOSS, naming the
// tensor, if one is missing or of another kind than it should be.
absl::StatusOr<TrainingBatch> ToTrainingBatch(const GraphShape& graph,
                                              const ReceivedBatch& received);

struct TrainingOptions {
  NeighborLoaderOptions loader;  // its split is set for each pass
  GraphShape graph;
  int64_t hidden = 128;
  double dropout = 0.5;
  double learning_rate = 0.003;
  int epochs = 5;
};

struct EpochResult {
  double loss = 0;
  double train_accuracy = 0;
  double val_accuracy = 0;
  double test_accuracy = 0;
};

struct TrainingResult {
  double test_accuracy = 0;  // of the epoch with the best val_accuracy
  uint64_t batches = 0;
  uint64_t duplicates = 0;
  uint64_t missing = 0;
  double seconds = 0;
};

// Trains for some epochs, with a look at the val and test split after each.
// `on_batch(done, total)` is called after every training batch.
absl::StatusOr<TrainingResult> Train(
    const TrainingOptions& options,
    const std::function<void(uint64_t done, uint64_t total)>& on_batch,
    const std::function<void(int epoch, const EpochResult&)>& on_epoch);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_QUICKSTART_TRAINING_H_
