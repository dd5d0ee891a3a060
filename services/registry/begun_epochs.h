#ifndef FAIRLEAD_SERVICES_REGISTRY_BEGUN_EPOCHS_H_
#define FAIRLEAD_SERVICES_REGISTRY_BEGUN_EPOCHS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// Tells a StartEpoch that began something from a copy of it, which pools answer
// alike: the latest attempt at an epoch that each channel is known to have
// begun. Thread-safe.
class BegunEpochs {
 public:
  // Remembers `max_channels` channels; of more, those with the highest ids,
  // which are the latest.
  explicit BegunEpochs(size_t max_channels) : max_channels_(max_channels) {}

  // Whether that is news. Attempts only rise within an epoch, and epochs from
  // one to the next.
  bool Add(uint64_t channel_id, uint64_t epoch, uint32_t attempt)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    const std::pair begun(epoch, attempt);
    MutexLock lock(&mutex_);
    const auto [it, is_new] = latest_.try_emplace(channel_id, begun);
    if (!is_new && begun <= it->second) return false;
    it->second = begun;
    if (latest_.size() > max_channels_) latest_.erase(latest_.begin());
    return true;
  }

 private:
  const size_t max_channels_;
  Mutex mutex_;
  // By channel.
  std::map<uint64_t, std::pair<uint64_t, uint32_t>> latest_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_BEGUN_EPOCHS_H_
