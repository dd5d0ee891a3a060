#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRATIONS_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRATIONS_H_

#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "libs/sync/mutex.h"

namespace fairlead {

// The registrations that wait for a pool's answer, by channel. A call may be
// sent twice, and the two may end differently: a channel that one of them has
// made is taken back only when none of them has got it. Thread-safe.
//
//   if (!registrations.Begin(id, is_new)) return "try again";
//   const bool ok = AskPool(id);
//   if (registrations.End(id, ok)) {
//     TakeBack(id);
//     registrations.NoteTakenBack(id);
//   }
class Registrations {
 public:
  // One more call for that channel, which it has made if `is_new`. False while
  // the channel is taken back: then the call is none of these.
  bool Begin(uint64_t channel_id, bool is_new) ABSL_LOCKS_EXCLUDED(mutex_);

  // A call that began has its answer. True if the caller is to take the channel
  // back, and to say so with NoteTakenBack(); no other begins meanwhile.
  bool End(uint64_t channel_id, bool succeeded) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteTakenBack(uint64_t channel_id) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Calls {
    int under_way = 0;
    bool is_new = false;     // one of them made the channel
    bool succeeded = false;  // one of them has got it
    bool is_taken_back = false;
  };

  Mutex mutex_;
  std::map<uint64_t, Calls> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRATIONS_H_
