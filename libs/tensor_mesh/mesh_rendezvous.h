#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace fairlead {

// How the members of a mesh find each other, wait for each other, and learn
// who is gone. Members are numbered through: the workers by rank, then the
// servers. One object a member. Thread-safe.
class MeshRendezvous {
 public:
  virtual ~MeshRendezvous() = default;

  // Gives `value`, waits for those of all `members`, of whom this one is one,
  // and returns them in that order. The same call again, with the same value,
  // gives the same answer, so a call that missed its deadline may be repeated.
  // DEADLINE_EXCEEDED names the members that are missing, UNAVAILABLE one that
  // is gone and gave nothing; ALREADY_EXISTS if another value was given under
  // this key for this member; INVALID_ARGUMENT if it is not among `members`.
  virtual absl::StatusOr<std::vector<std::string>> AllGather(
      const std::string& key, absl::Span<const uint32_t> members,
      const std::string& value, absl::Time deadline) = 0;

  // Returns when all have called it. Errors as AllGather.
  virtual absl::Status Barrier(const std::string& key,
                               absl::Span<const uint32_t> members,
                               absl::Time deadline) {
    return AllGather(key, members, "", deadline).status();
  }

  // Calls `on_gone` with the number of each member that joined and whose life
  // or lease has ended, once each, from another thread or from within this
  // call. One watch at a time; an empty function ends it, and waits until a
  // call that is under way has returned.
  virtual void WatchGone(std::function<void(uint32_t member)> on_gone) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_
