#include "services/registry/registrations.h"

#include <cstdint>

namespace fairlead {

bool Registrations::Begin(uint64_t channel_id, bool is_new) {
  MutexLock lock(&mutex_);
  Calls& calls = calls_[channel_id];
  if (calls.is_taken_back) return false;
  ++calls.under_way;
  calls.is_new = calls.is_new || is_new;
  return true;
}

bool Registrations::End(uint64_t channel_id, bool succeeded) {
  MutexLock lock(&mutex_);
  Calls& calls = calls_.at(channel_id);
  calls.succeeded = calls.succeeded || succeeded;
  if (--calls.under_way > 0) return false;
  calls.is_taken_back = calls.is_new && !calls.succeeded;
  if (calls.is_taken_back) return true;
  calls_.erase(channel_id);
  return false;
}

void Registrations::NoteTakenBack(uint64_t channel_id) {
  MutexLock lock(&mutex_);
  calls_.erase(channel_id);
}

}  // namespace fairlead
