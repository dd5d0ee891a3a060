#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace fairlead {

// How the members of a mesh find each other, and learn who is gone: a board
// with a line a member, which goes with its life or lease. Members are numbered
// through: the workers by rank, then the servers. One object a member.
// Thread-safe.
class MeshRendezvous {
 public:
  using Lines = std::map<uint32_t, std::string>;  // by member

  virtual ~MeshRendezvous() = default;

  // Writes this member's line, in place of the one before: the others will see
  // it, or a later one. ALREADY_EXISTS if another process that lives is this
  // member; UNAVAILABLE or DEADLINE_EXCEEDED if the board cannot be reached;
  // ABORTED if another process has taken this one's place.
  virtual absl::Status Post(const std::string& line, absl::Time deadline) = 0;

  // Calls `on_change` with the lines of all who live, soon and after every
  // change: steps in between may be left out, never the last. One that has
  // joined and posted nothing may be there with an empty line. The calls come
  // one at a time, from another thread, or from within any call to the same
  // rendezvous or another's: so it must be quick, and call none itself. One
  // watch at a time; an empty function ends it, and waits until a call that is
  // under way has returned.
  virtual void Watch(std::function<void(const Lines&)> on_change) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_RENDEZVOUS_H_
