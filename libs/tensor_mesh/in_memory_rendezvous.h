#ifndef FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous of members that are threads of one process (parity N-27).
//
//   auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
//   InMemoryRendezvous first(meeting, 0), second(meeting, 1);
class InMemoryRendezvous final : public MeshRendezvous {
 public:
  // What the members share. Remembers the last 256 gathers.
  struct Meeting {
    struct Gather {
      uint64_t number = 0;  // gathers begun before it
      std::map<uint32_t, std::string> values;
    };

    Mutex mutex;
    std::map<std::string, std::shared_ptr<Gather>> gathers
        ABSL_GUARDED_BY(mutex);
    uint64_t gathers_begun ABSL_GUARDED_BY(mutex) = 0;
    std::set<uint32_t> gone ABSL_GUARDED_BY(mutex);
    std::map<uint32_t, std::function<void(uint32_t)>> watches
        ABSL_GUARDED_BY(mutex);
  };

  InMemoryRendezvous(std::shared_ptr<Meeting> meeting, uint32_t member)
      : meeting_(std::move(meeting)), member_(member) {}
  ~InMemoryRendezvous() override { Leave(); }

  absl::StatusOr<std::vector<std::string>> AllGather(
      const std::string& key, absl::Span<const uint32_t> members,
      const std::string& value, absl::Time deadline) override;
  void WatchGone(std::function<void(uint32_t member)> on_gone) override;

  // Makes this member gone, as its end does. The watches of the others are
  // called on this thread.
  void Leave();

 private:
  const std::shared_ptr<Meeting> meeting_;
  const uint32_t member_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_
