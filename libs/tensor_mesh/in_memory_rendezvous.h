#ifndef FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous of members that are threads of one process (parity N-27).
//
//   auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
//   InMemoryRendezvous first(meeting, 0), second(meeting, 1);
class InMemoryRendezvous final : public MeshRendezvous {
 public:
  // What the members share.
  struct Meeting {
    Mutex mutex;
    Lines lines ABSL_GUARDED_BY(mutex);
    std::map<uint32_t, const InMemoryRendezvous*> posters
        ABSL_GUARDED_BY(mutex);
    std::map<const InMemoryRendezvous*, std::function<void(const Lines&)>>
        watches ABSL_GUARDED_BY(mutex);
  };

  InMemoryRendezvous(std::shared_ptr<Meeting> meeting, uint32_t member)
      : meeting_(std::move(meeting)), member_(member) {}
  // Takes the line away.
  ~InMemoryRendezvous() override;

  absl::Status Post(const std::string& line, absl::Time deadline) override;
  void Watch(std::function<void(const Lines&)> on_change) override;

 private:
  const std::shared_ptr<Meeting> meeting_;
  const uint32_t member_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_IN_MEMORY_RENDEZVOUS_H_
