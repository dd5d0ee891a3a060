#include "libs/tensor_mesh/mesh_line.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace fairlead::internal {
namespace {

constexpr char kVersion[] = "mesh2";
constexpr size_t kTexts = 4;  // after the version and the life

}  // namespace

std::string MeshLine::Encode() const {
  return absl::StrCat(absl::StrJoin({std::string(kVersion), absl::StrCat(life),
                                     shm_domain, segment, address, token},
                                    "|"),
                      "|", absl::StrJoin(reached, "|"));
}

absl::StatusOr<MeshLine> MeshLine::Parse(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, '|');
  MeshLine line;
  bool is_good = fields.size() == 2 + kTexts + kMeshRounds &&
                 fields[0] == kVersion &&
                 absl::SimpleAtoi(fields[1], &line.life) && line.life != 0;
  for (size_t i = 0; is_good && i < kMeshRounds; ++i) {
    is_good = absl::SimpleAtoi(fields[2 + kTexts + i], &line.reached[i]);
  }
  if (!is_good) {
    return absl::InvalidArgumentError(
        "speaks another version of the mesh; run the same build everywhere");
  }
  line.shm_domain = fields[2];
  line.segment = fields[3];
  line.address = fields[4];
  line.token = fields[5];
  return line;
}

}  // namespace fairlead::internal
