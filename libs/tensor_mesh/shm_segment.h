#ifndef FAIRLEAD_LIBS_TENSOR_MESH_SHM_SEGMENT_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_SHM_SEGMENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/tensor_mesh/bell.h"
#include "libs/tensor_mesh/byte_ring.h"

namespace fairlead::internal {

// Room for the replies to all that may be in flight; also bounds a request.
inline constexpr uint64_t kRingBytes = uint64_t{1} << 19;

// A member's piece of shared memory, which its peers of this host map too. A
// worker's has a link a server: a ring for its requests and one for replies.
//
//   header: bell, closed │ links: peer, request ring, reply ring │ arena
//
// The owner's life is said by the lock that it holds on the file. Thread-safe.
class ShmSegment {
 public:
  // Errors as ShmFile::Create.
  static absl::StatusOr<std::shared_ptr<ShmSegment>> Create(
      absl::string_view directory, uint32_t links, uint64_t arena_bytes);
  // A peer's, of whom `links` are expected. NOT_FOUND; DATA_LOSS if it is not
  // as it should be.
  static absl::StatusOr<std::shared_ptr<ShmSegment>> Open(
      absl::string_view directory, absl::string_view name, uint32_t links);

  const std::string& name() const { return file_->name(); }
  MeshBell& bell() const;
  // The life of the server that the rings of the link are for; 0: none yet.
  std::atomic<uint64_t>& link_peer(uint32_t link) const;
  ByteRingHeader& request_ring(uint32_t link) const;
  ByteRingHeader& reply_ring(uint32_t link) const;
  absl::Span<uint8_t> arena() const;

  // The owner has sent all that it will ever send.
  void Close();
  bool is_closed() const;
  // Of a peer's segment.
  bool IsOwnerAlive() const {
    return file_->IsHeldByOthers(ShmFile::Role::kOwner);
  }

 private:
  ShmSegment(std::unique_ptr<ShmFile> file, uint32_t links)
      : file_(std::move(file)), links_(links) {}

  uint8_t* link(uint32_t index) const;

  const std::unique_ptr<ShmFile> file_;
  const uint32_t links_;
};

// The data of a ring lie behind its header.
absl::Span<uint8_t> DataOf(ByteRingHeader& ring);

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_SHM_SEGMENT_H_
