#ifndef FAIRLEAD_TOOLS_DATASET_FOLDER_COMMANDS_H_
#define FAIRLEAD_TOOLS_DATASET_FOLDER_COMMANDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace fairlead {

// The commands that read a dataset, or what is to become one, from a folder:
// their flags, and whom they call.

// Flags that other commands have, too.
struct FolderFlags {
  std::string in;
  std::string out;
  bool overwrite = false;
  uint64_t seed = 0;
};

// What --help says of them.
std::string FolderCommandsUsage();

bool IsFolderCommand(const std::string& command);

// REQUIRES IsFolderCommand(command).
absl::Status RunFolderCommand(const std::string& command,
                              const FolderFlags& flags);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_FOLDER_COMMANDS_H_
