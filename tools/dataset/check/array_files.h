#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_ARRAY_FILES_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_ARRAY_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/graph/id_array.h"
#include "libs/graph/npy.h"
#include "tools/dataset/check/findings.h"

namespace fairlead {

// The .npy files of one folder of a dataset. What is wrong with one becomes a
// finding, and then there is nothing to read. Keeps what it mapped. A part of
// check_dataset.
class ArrayFiles {
 public:
  // `folder` is relative to `directory`, empty for that itself. `findings`
  // outlives this.
  ArrayFiles(std::string directory, std::string folder, Findings* findings);

  // How messages name a file: relative to the dataset's folder.
  std::string Name(const std::string& file) const;
  std::string folder() const { return folder_.empty() ? "." : folder_; }

  // Null, with a finding, if it cannot be read.
  const NpyFile* Map(const std::string& file);
  // The same unless it is of that dtype, has one dimension, and `size` entries
  // where that is not negative; `what` they are for.
  const NpyFile* Vector(const std::string& file, absl::string_view dtype,
                        int64_t size, const std::string& what);
  // Ids or counts: int64, or 32 bits wide.
  std::optional<IdArray> Ids(const std::string& file);

 private:
  const std::string directory_;
  const std::string folder_;
  Findings* const findings_;
  std::vector<std::unique_ptr<const NpyFile>> files_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_ARRAY_FILES_H_
