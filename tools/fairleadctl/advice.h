#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_ADVICE_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_ADVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "tools/fairleadctl/activity.h"

namespace fairlead {

// What holds a channel back.
enum class Bottleneck {
  kTrainer,        // asks for batches more slowly than they are made
  kSampler,        // the pool's workers have no time left
  kNetwork,        // messages are taken more slowly than they are made
  kRing,           // its buffer is too small for the pool to work ahead
  kSlowPartition,  // batches wait for one other partition
  kRateLimit,      // it was told to go no faster
  kPaused,         // an operator paused it
  kAway,           // its pool is
  kUnknown,        // the pool is slower than the trainer, with workers idle
};

std::string BottleneckName(Bottleneck bottleneck);  // "trainer"

struct Finding {
  uint64_t channel_id = 0;
  std::string worker_key;
  Bottleneck bottleneck = Bottleneck::kUnknown;
  std::string evidence;  // in numbers
  std::string advice;    // what to change

  nlohmann::ordered_json ToJson() const;
};

// Pure: of each channel in an epoch what holds it back, if anything does for a
// quarter of the time or longer. That something is slowest is no fault: the
// advice is for whoever wants more batches a second. By channel.
//
// A trainer's stream waits for data (the pool), for credit (the trainer) or for
// the transport (the network); whichever it waited for longest is the slow one.
// But a link's own buffers may hold all that a trainer asks for: then credit is
// slow to come back because batches are slow to arrive, and what the trainer
// says of sampled ones tells who had the credit all the time.
// If it is the pool, the pool is looked at: is it waiting for room meanwhile,
// although the trainer waits too; for another partition; or are all workers
// busy?
std::vector<Finding> Judge(const ClusterActivity& activity);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_ADVICE_H_
