#include "libs/graph/id_writer.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/npy.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<IdWriter> IdWriter::Create(const std::string& path, int64_t size,
                                          int64_t end) {
  const bool is_narrow = end <= int64_t{1} << 32;
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter writer,
      NpyWriter::Create(path, is_narrow ? "u4" : "i8", {size}));
  return IdWriter(std::move(writer), is_narrow);
}

absl::Status IdWriter::Flush() {
  FAIRLEAD_RETURN_IF_ERROR(
      writer_.Append(narrow_.data(), narrow_.size() * sizeof(uint32_t)));
  FAIRLEAD_RETURN_IF_ERROR(
      writer_.Append(wide_.data(), wide_.size() * sizeof(int64_t)));
  narrow_.clear();
  wide_.clear();
  return absl::OkStatus();
}

absl::Status IdWriter::Finish() {
  FAIRLEAD_RETURN_IF_ERROR(Flush());
  return writer_.Finish();
}

absl::Status WriteIds(const std::string& path, absl::Span<const int64_t> ids,
                      int64_t end) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      IdWriter writer,
      IdWriter::Create(path, static_cast<int64_t>(ids.size()), end));
  for (const int64_t id : ids) FAIRLEAD_RETURN_IF_ERROR(writer.Append(id));
  return writer.Finish();
}

}  // namespace fairlead
