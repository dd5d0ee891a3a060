#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_DOMAIN_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_DOMAIN_H_

#include <string>

#include "absl/status/statusor.h"

namespace fairlead {

// Makes the folder if it is missing (only for this user), removes what dead
// owners left in it, and returns a text that is the same for all who share it,
// and no others: the running kernel, the file system, and the folder's inode.
// So containers that mount one tmpfs agree on it, whatever their host names
// and paths. INVALID_ARGUMENT, naming the folder, if it cannot be made.
absl::StatusOr<std::string> PrepareShmDomain(const std::string& directory);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_DOMAIN_H_
