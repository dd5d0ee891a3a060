#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FILE_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fairlead {

// The kinds of files that a folder may have: how their names start.
inline constexpr char kChannelPrefix[] = "fairlead-channel-";
inline constexpr char kDoorbellPrefix[] = "fairlead-bell-";
inline constexpr char kMeshPrefix[] = "fairlead-mesh-";  // libs/tensor_mesh
inline constexpr const char* kSegmentPrefixes[] = {
    kChannelPrefix, kDoorbellPrefix, kMeshPrefix};

// A file in shared memory, mapped, with locks that say who is alive.
//
// A sign of life is a lock on one byte of the file, held through an open file
// description: the kernel drops it when the last process that has the
// description ends, however it ends. Process ids say nothing between
// containers, nor within a sandbox, so they are not used. Thread-safe.
class ShmFile {
 public:
  // Who lives: a role is a byte of the file. From kFirstParticipant on, one a
  // participant of a channel.
  enum class Role : int64_t {
    kOwner = 0,
    kConsumer = 1,
    kFirstParticipant = 16,
  };

  // Makes a file of a random name that starts with `prefix`, only for this
  // user, all of its `bytes` allocated now, so that using it later cannot
  // fail, and locked for Role::kOwner before anybody can see its name.
  // NOT_FOUND if there is no such directory; RESOURCE_EXHAUSTED if the file
  // system cannot hold it.
  static absl::StatusOr<std::unique_ptr<ShmFile>> Create(
      absl::string_view directory, absl::string_view prefix, uint64_t bytes);

  // NOT_FOUND if there is no such file; INVALID_ARGUMENT for a name with a
  // slash, or one that does not start with `prefix`.
  static absl::StatusOr<std::unique_ptr<ShmFile>> Open(
      absl::string_view directory, absl::string_view prefix,
      absl::string_view name);

  // Another holder of locks on the same file, with the same mapping: for a
  // second participant in this process.
  absl::StatusOr<std::unique_ptr<ShmFile>> Reopen() const;

  // Unmaps. The one who created the file removes its name.
  ~ShmFile();
  ShmFile(const ShmFile&) = delete;
  ShmFile& operator=(const ShmFile&) = delete;

  uint8_t* data() const { return mapping_->data; }
  uint64_t size() const { return mapping_->size; }
  const std::string& name() const { return name_; }

  // Takes the lock of a role for as long as this object lives, if no other
  // holder stands in the way: a shared one beside other shared ones, an
  // exclusive one alone.
  bool TryLock(Role role, bool exclusive);
  void Unlock(Role role);

  // Whether anybody else holds the lock of a role.
  bool IsHeldByOthers(Role role) const;

 private:
  ShmFile(int fd, std::string path, std::string name, bool is_creator)
      : fd_(fd),
        path_(std::move(path)),
        name_(std::move(name)),
        is_creator_(is_creator) {}

  struct Mapping {
    Mapping(uint8_t* data, uint64_t size) : data(data), size(size) {}
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    uint8_t* const data;
    const uint64_t size;
  };

  absl::Status Map();

  const int fd_;
  const std::string path_;
  const std::string name_;
  const bool is_creator_;
  std::shared_ptr<const Mapping> mapping_;
};

// Removes the files in `directory`, of any kind, whose owners are dead. Returns
// how many.
int SweepOrphans(absl::string_view directory);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FILE_H_
