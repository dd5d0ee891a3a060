#ifndef FAIRLEAD_LIBS_RPC_PERSIST_H_
#define FAIRLEAD_LIBS_RPC_PERSIST_H_

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/rpc/backoff.h"

namespace fairlead::rpc {

// Whether a call that ended so may succeed if it is made again.
inline bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// Makes a call (a function that returns absl::Status or absl::StatusOr) until
// it ends with what is not worth another try, or the next would begin after
// `deadline`. Waits in between as Backoff says. Returns how the last one ended.
template <typename Call>
auto Persist(absl::Time deadline, Call call,
             bool (*is_worth_another)(const absl::Status&) = IsTransient)
    -> decltype(call()) {
  const auto status_of = [](const auto& result) -> const absl::Status& {
    if constexpr (requires { result.status(); }) {
      return result.status();
    } else {
      return result;
    }
  };
  Backoff backoff(absl::Uniform<uint64_t>(absl::BitGen()));
  while (true) {
    auto result = call();
    if (!is_worth_another(status_of(result))) return result;
    const absl::Duration wait = backoff.Next();
    if (absl::Now() + wait >= deadline) return result;
    absl::SleepFor(wait);
  }
}

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_PERSIST_H_
