#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_LINE_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_LINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace fairlead::internal {

// Rounds in which members wait for each other, by kind. Those of barriers are
// told apart by who meets: 1 the workers, 2 the servers, 3 both, and 4 more if
// every process does, not only the first of each node.
using MeshRound = size_t;
inline constexpr MeshRound kStartRound =
    0;                                      // 1: takes part, 2: all founders do
inline constexpr MeshRound kStopRound = 4;  // 1: stops, 2: saw all others stop
inline constexpr size_t kMeshRounds = 8;

// What a member tells all others, on its line of the board: who it is, how it
// can be reached, and how far it is.
struct MeshLine {
  uint64_t life = 0;       // random: another process has another; 0 is none
  std::string shm_domain;  // empty: no shared memory
  std::string segment;
  std::string address;  // of a server: host:port; empty: no TCP
  std::string token;    // what it asks of who connects there
  std::array<uint64_t, kMeshRounds> reached{};  // rounds that it has come to

  bool TakesPart() const { return reached[kStartRound] > 0; }

  std::string Encode() const;
  // INVALID_ARGUMENT if it is none, or of another version.
  static absl::StatusOr<MeshLine> Parse(const std::string& text);
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_LINE_H_
