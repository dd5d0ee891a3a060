#ifndef FAIRLEAD_LIBS_LOADER_LANDING_H_
#define FAIRLEAD_LIBS_LOADER_LANDING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// Where batches are put as they arrive, by whatever thread receives them: what
// takes time is done before the trainer asks. The default is this process's own
// memory, and nothing else.
struct Landing {
  // Memory to receive into, 64-byte aligned, which goes with its last
  // reference; null for the process's own. Asked for with each batch: whoever
  // gives it should use it again. Any thread.
  using Allocate =
      std::function<absl::StatusOr<std::shared_ptr<uint8_t>>(size_t bytes)>;
  Allocate allocate = nullptr;

  // A copy of a whole batch somewhere else, on a device for one: what it gives
  // goes along as ReceivedBatch::copy. Null for none. Any thread.
  using Copy = std::function<absl::StatusOr<std::shared_ptr<const void>>(
      absl::Span<const uint8_t> bytes)>;
  Copy copy = nullptr;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_LANDING_H_
