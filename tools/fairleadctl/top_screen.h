#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_SCREEN_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_SCREEN_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/fairleadctl/activity.h"

namespace fairlead {

// By what top orders channels, most first; each has a key of its own.
enum class TopOrder {
  kShare,    // s
  kBatches,  // b
  kBytes,    // y
  kFill,     // f
  kChannel,  // c, least first
};

// From its word: share, batches, bytes, fill or channel. INVALID_ARGUMENT for
// another.
absl::StatusOr<TopOrder> ParseTopOrder(absl::string_view word);
// From a key; `current` for a key that means none.
TopOrder TopOrderOfKey(char key, TopOrder current);

// The services, then channels in that order, as far as `rows` go (0: all).
void PrintTop(const ClusterActivity& activity, TopOrder order, int rows,
              bool aligned, std::ostream& out);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_TOP_SCREEN_H_
