#ifndef FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous of processes of one host without a registry: a folder that they
// share and that is fresh for each run. A value is a small file in it, and a
// member lives while it holds the lock on its own file, which the kernel drops
// at its end. Who waits is told by the kernel when the folder changes
// (inotify).
class FolderRendezvous final : public MeshRendezvous {
 public:
  // NOT_FOUND if there is no such folder; ALREADY_EXISTS if another process is
  // this member, or was.
  static absl::StatusOr<std::unique_ptr<FolderRendezvous>> Join(
      const std::string& folder, uint32_t member);
  ~FolderRendezvous() override;

  absl::StatusOr<std::vector<std::string>> AllGather(
      const std::string& key, absl::Span<const uint32_t> members,
      const std::string& value, absl::Time deadline) override;
  void WatchGone(std::function<void(uint32_t member)> on_gone) override;

 private:
  // Closed at its end.
  class File;

  FolderRendezvous(std::string folder, uint32_t member,
                   std::unique_ptr<File> life, std::unique_ptr<File> stop);

  // Those who joined and live no more.
  std::vector<uint32_t> Gone() const;
  bool IsGone(uint32_t member) const;

  const std::string folder_;
  const uint32_t member_;
  const std::unique_ptr<File> life_;  // locked
  const std::unique_ptr<File> stop_;  // ends the watch's thread

  Mutex mutex_;  // one WatchGone at a time
  std::thread watch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_
