#ifndef FAIRLEAD_TOOLS_DATASET_OUTPUT_FOLDER_H_
#define FAIRLEAD_TOOLS_DATASET_OUTPUT_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fairlead {

// A folder that appears under its name only once it is whole: it is filled
// under another name beside it, and a run that is broken off leaves nothing
// that looks like a dataset.
class OutputFolder {
 public:
  // INVALID_ARGUMENT if `out` is empty or cannot be made; ALREADY_EXISTS if it
  // is there and has something in it, unless `overwrite`;
  // FAILED_PRECONDITION if `overwrite` would replace what is no dataset.
  static absl::StatusOr<OutputFolder> Create(const std::string& out,
                                             bool overwrite);

  OutputFolder(OutputFolder&& other) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();  // removes what was not committed

  // Where to write.
  const std::string& path() const { return temporary_; }

  // Gives the folder its name; what was there before goes.
  absl::Status Commit();

 private:
  OutputFolder(std::string out, std::string temporary);

  std::string out_;
  std::string temporary_;  // empty once committed
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_OUTPUT_FOLDER_H_
