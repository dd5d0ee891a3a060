#include "libs/tensor_mesh/shm_segment.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

constexpr uint64_t kSegmentMagic = 0x3230304853454D46;  // "FMESH002"

struct Header {
  uint64_t magic = kSegmentMagic;
  uint32_t links = 0;
  std::atomic<uint32_t> closed{0};
  MeshBell bell;
};

struct alignas(64) LinkHeader {
  std::atomic<uint64_t> peer{0};
};

constexpr uint64_t kRingExtent = sizeof(ByteRingHeader) + kRingBytes;
constexpr uint64_t kLinkExtent = sizeof(LinkHeader) + 2 * kRingExtent;

constexpr uint64_t ArenaOffset(uint32_t links) {
  return sizeof(Header) + links * kLinkExtent;
}

Header& In(const ShmFile& file) {
  return *std::launder(reinterpret_cast<Header*>(file.data()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<ShmSegment>> ShmSegment::Create(
    absl::string_view directory, uint32_t links, uint64_t arena_bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                            ShmFile::Create(directory, kMeshPrefix,
                                            ArenaOffset(links) + arena_bytes));
  auto* header = new (file->data()) Header;
  header->links = links;
  std::shared_ptr<ShmSegment> segment(new ShmSegment(std::move(file), links));
  for (uint32_t i = 0; i < links; ++i) new (segment->link(i)) LinkHeader;
  return segment;
}

absl::StatusOr<std::shared_ptr<ShmSegment>> ShmSegment::Open(
    absl::string_view directory, absl::string_view name, uint32_t links) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<ShmFile> file,
                            ShmFile::Open(directory, kMeshPrefix, name));
  if (file->size() < ArenaOffset(links) || In(*file).magic != kSegmentMagic ||
      In(*file).links != links) {
    return absl::DataLossError(
        absl::StrCat("mesh segment ", name,
                     ": is none of this version's, or of another "
                     "mesh's routes"));
  }
  return std::shared_ptr<ShmSegment>(new ShmSegment(std::move(file), links));
}

MeshBell& ShmSegment::bell() const { return In(*file_).bell; }

uint8_t* ShmSegment::link(uint32_t index) const {
  return file_->data() + sizeof(Header) + index * kLinkExtent;
}

std::atomic<uint64_t>& ShmSegment::link_peer(uint32_t index) const {
  return std::launder(reinterpret_cast<LinkHeader*>(link(index)))->peer;
}

ByteRingHeader& ShmSegment::request_ring(uint32_t index) const {
  return *std::launder(
      reinterpret_cast<ByteRingHeader*>(link(index) + sizeof(LinkHeader)));
}

ByteRingHeader& ShmSegment::reply_ring(uint32_t index) const {
  return *std::launder(reinterpret_cast<ByteRingHeader*>(
      link(index) + sizeof(LinkHeader) + kRingExtent));
}

absl::Span<uint8_t> ShmSegment::arena() const {
  const uint64_t offset = ArenaOffset(links_);
  return {file_->data() + offset, file_->size() - offset};
}

void ShmSegment::Close() { In(*file_).closed.store(1); }

bool ShmSegment::is_closed() const { return In(*file_).closed.load() != 0; }

absl::Span<uint8_t> DataOf(ByteRingHeader& ring) {
  return {reinterpret_cast<uint8_t*>(&ring) + sizeof(ByteRingHeader),
          kRingBytes};
}

}  // namespace fairlead::internal
