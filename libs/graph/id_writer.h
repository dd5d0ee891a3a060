#ifndef FAIRLEAD_LIBS_GRAPH_ID_WRITER_H_
#define FAIRLEAD_LIBS_GRAPH_ID_WRITER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/npy.h"

namespace fairlead {

// Writes a vector of ids, or counts, as a .npy file of the narrowest type that
// holds all below `end`: u4, or i8. Buffers, so single appends are cheap.
class IdWriter {
 public:
  // As NpyWriter::Create.
  static absl::StatusOr<IdWriter> Create(const std::string& path, int64_t size,
                                         int64_t end);

  // REQUIRES 0 <= id < end.
  absl::Status Append(int64_t id) {
    if (is_narrow_) {
      narrow_.push_back(static_cast<uint32_t>(id));
      return narrow_.size() < kBuffered ? absl::OkStatus() : Flush();
    }
    wide_.push_back(id);
    return wide_.size() < kBuffered ? absl::OkStatus() : Flush();
  }

  // As NpyWriter::Finish.
  absl::Status Finish();

 private:
  static constexpr size_t kBuffered = 8192;

  IdWriter(NpyWriter writer, bool is_narrow)
      : writer_(std::move(writer)), is_narrow_(is_narrow) {}
  absl::Status Flush();

  NpyWriter writer_;
  bool is_narrow_;
  std::vector<uint32_t> narrow_;
  std::vector<int64_t> wide_;
};

// All at once.
absl::Status WriteIds(const std::string& path, absl::Span<const int64_t> ids,
                      int64_t end);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_ID_WRITER_H_
