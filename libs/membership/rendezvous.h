#ifndef FAIRLEAD_LIBS_MEMBERSHIP_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_MEMBERSHIP_RENDEZVOUS_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/membership/membership.h"

namespace fairlead {

// One rank of a group that meets at the registry: barriers and all-gathers
// (parity GL-122 to GL-124). Every rank makes the same calls in the same order;
// each is one round. A call that failed may be made again: it is the same round
// still.
//
// Thread-compatible. Different groups do not meet.
class Rendezvous {
 public:
  struct Value {
    std::string member_name;
    std::string value;
  };

  // `group` is 1 to 128 characters of [A-Za-z0-9._/:-], and never used again
  // with other ranks: a job's name, say. `membership` must outlive this.
  Rendezvous(Membership* membership, std::string group, uint32_t world_size,
             uint32_t rank)
      : membership_(*membership),
        group_(std::move(group)),
        world_size_(world_size),
        rank_(rank) {}

  // Waits for all ranks; the values of all, by rank. `value` has at most 1 MiB.
  // A registry that is away is waited for.
  //   DEADLINE_EXCEEDED    after `timeout`, naming the ranks that are missing;
  //   FAILED_PRECONDITION  if another rank has another world_size;
  //   ALREADY_EXISTS       if another member has this rank, naming both;
  //   ABORTED              if a rank that had sent its value left or died
  //                        before the round was complete;
  //   CANCELLED            as soon as `stop` is requested, of any thread.
  absl::StatusOr<std::vector<Value>> AllGather(
      absl::string_view value, absl::Duration timeout,
      const std::stop_token& stop = {});

  // The same without values.
  absl::Status Barrier(absl::Duration timeout) {
    return AllGather("", timeout).status();
  }

  const std::string& group() const { return group_; }
  uint32_t world_size() const { return world_size_; }
  uint32_t rank() const { return rank_; }

 private:
  Membership& membership_;
  const std::string group_;
  const uint32_t world_size_;
  const uint32_t rank_;
  uint64_t round_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_MEMBERSHIP_RENDEZVOUS_H_
