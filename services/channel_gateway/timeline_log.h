#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_TIMELINE_LOG_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_TIMELINE_LOG_H_

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/telemetry/telemetry.h"
#include "libs/tensor_message/message_tag.h"
#include "libs/timeline/batch_stages.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"

namespace fairlead {

struct TimelineOptions {
  uint64_t every = 64;            // batches, of which one is sampled; 0: none
  uint64_t max_timelines = 4096;  // kept; 0 for none
};

// The timelines of the last sampled batches. One is kept when its batch is
// sent, completed when the trainer says that it was consumed, and forgotten
// when there are enough later ones: a trainer that never says so, or says what
// is not so, costs nothing more. Thread-safe.
class TimelineLog {
 public:
  // `telemetry` must outlive it.
  TimelineLog(const TimelineOptions& options, Telemetry& telemetry);

  // Whether a message is one of the sampled batches. Which they are, channel,
  // epoch and batch index decide, such that an epoch of at least `every`
  // batches has some, and shorter ones take turns. Where batches are few, as
  // behind a slow link, they are more: one is sampled if its stream has had
  // none for `since_last`, a second or longer. Looks at no memory.
  bool IsSampled(uint64_t channel_id, const ChannelMessageTag& tag,
                 absl::Duration since_last) const;

  // A sampled batch is about to be sent to `reader`, a number that no other
  // stream has.
  void OnSent(uint64_t reader, v1::BatchTimeline timeline)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // `reader` says so, at `now`. Nothing if no such batch was sent to it, or
  // long ago, or it has said so already, or claims what cannot be; else the
  // batch's way.
  std::optional<BatchStages> OnConsumed(uint64_t reader,
                                        const v1::ConsumedBatch& consumed,
                                        absl::Duration now)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The latest `limit` of that channel, in the order they were sent; with 0, of
  // every channel, and all of them.
  std::vector<v1::BatchTimeline> List(uint64_t channel_id, uint64_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Which batch a reader may still report: (reader, epoch, batch index).
  using Key = std::tuple<uint64_t, uint64_t, uint64_t>;
  struct Entry {
    Key key;
    v1::BatchTimeline timeline;
  };

  void Observe(const BatchStages& stages, BatchStage first, BatchStage last);

  const TimelineOptions options_;
  std::array<prometheus::Histogram*, kBatchStages> stage_seconds_;

  mutable Mutex mutex_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  // Number of entries_.front(), counted from the first that ever was.
  uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<Key, uint64_t> unreported_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_TIMELINE_LOG_H_
