#ifndef FAIRLEAD_LIBS_RPC_RETRY_BUDGET_H_
#define FAIRLEAD_LIBS_RPC_RETRY_BUDGET_H_

#include <algorithm>

#include "absl/time/time.h"

namespace fairlead::rpc {

// Bounds the tries of callers that share it, where one process may have many
// that fail together: a back-off bounds each of them, and not their sum. Pure:
// the caller does the waiting. Thread-compatible.
//
//   const absl::Time at = std::max(now + backoff.Next(), budget.Take(now));
class RetryBudget {
 public:
  // `per_second` tries in the long run, and `at_once` after a time without.
  RetryBudget(double per_second, int at_once)
      : apart_(absl::Seconds(1) / per_second), saved_(apart_ * at_once) {}

  // When the next try may be made, which is meant to be made.
  absl::Time Take(absl::Time now) {
    next_ = std::max(next_, now - saved_) + apart_;
    return std::max(now, next_);
  }

 private:
  const absl::Duration apart_;
  const absl::Duration saved_;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_RETRY_BUDGET_H_
