#ifndef FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"

namespace fairlead {

// A rendezvous of processes of one host without a registry: a folder that they
// share. A line is a small file in it, and a member lives while it holds the
// lock on its own file, which the kernel drops at its end. Who waits is told by
// the kernel when the folder changes (inotify).
class FolderRendezvous final : public MeshRendezvous {
 public:
  // NOT_FOUND if there is no such folder; ALREADY_EXISTS if another process
  // that lives is this member.
  static absl::StatusOr<std::unique_ptr<FolderRendezvous>> Join(
      const std::string& folder, uint32_t member);
  ~FolderRendezvous() override;

  absl::Status Post(const std::string& line, absl::Time deadline) override
      ABSL_LOCKS_EXCLUDED(post_mutex_);
  void Watch(std::function<void(const Lines&)> on_change) override
      ABSL_LOCKS_EXCLUDED(watch_mutex_);

 private:
  // Closed at its end.
  class File;

  FolderRendezvous(std::string folder, uint32_t member,
                   std::unique_ptr<File> life, std::unique_ptr<File> stop);

  // Of those who live.
  Lines Read() const;
  bool IsAlive(uint32_t member) const;

  const std::string folder_;
  const uint32_t member_;
  const std::unique_ptr<File> life_;  // locked
  const std::unique_ptr<File> stop_;  // ends the watch's thread

  Mutex post_mutex_;   // one Post at a time
  Mutex watch_mutex_;  // one Watch at a time
  std::thread watch_ ABSL_GUARDED_BY(watch_mutex_);
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_FOLDER_RENDEZVOUS_H_
