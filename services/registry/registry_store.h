#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// A key's new value, or nullopt to delete it.
struct StoreWrite {
  std::string key;
  std::optional<std::string> value;
};

// Where the registry's desired state survives the registry: a small ordered
// map of byte strings with atomic, durable writes. Every implementation passes
// store_contract_test.h. Thread-compatible.
class RegistryStore {
 public:
  virtual ~RegistryStore() = default;

  // Everything that is there.
  virtual absl::StatusOr<std::map<std::string, std::string>> Load() = 0;

  // Applies all writes, in order, or none; once it returns OK they survive a
  // crash. UNAVAILABLE if the store cannot take them now (a full disk, say):
  // it then holds what it held before, and may be asked again.
  virtual absl::Status Commit(absl::Span<const StoreWrite> writes) = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_
