#ifndef FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace fairlead {

// A key's new value, or nullopt to delete it.
struct StoreWrite {
  std::string key;
  std::optional<std::string> value;
};

// All records, as they were at `revision`.
struct StoreContents {
  std::map<std::string, std::string> records;
  int64_t revision = 0;
};

// What leads from one revision to a later one.
struct StoreChanges {
  bool from_scratch = false;  // `writes` are all there is: forget the rest
  std::vector<StoreWrite> writes;
  int64_t revision = 0;
};

// Where the registry's desired state survives the registry: a small ordered
// map of byte strings with atomic, durable writes, which several registries may
// share. Every implementation passes store_contract_test.h.
//
// Each commit makes a new revision, a number that only grows. A registry plans
// on the records of one revision and commits to that revision; if another
// registry was faster, it takes in what that one wrote and plans again:
//
//   contents = store.Load();
//   plan on contents; store.Commit(writes, revision);
//   if ABORTED: changes = store.ReadChanges(revision); take them in; plan again
//
// Revisions are compared with those of the same open store only. Whatever may
// wait for a network has a deadline of the store's own. Thread-safe.
class RegistryStore {
 public:
  virtual ~RegistryStore() = default;

  // Everything that is there, as of a moment after the call began.
  // UNAVAILABLE.
  virtual absl::StatusOr<StoreContents> Load() = 0;

  // Applies all writes, in order, or none, provided that nothing was written
  // after `revision`; once it returns the new revision they survive a crash.
  // A commit of no writes succeeds too.
  //
  // ABORTED if somebody has written since: nothing was changed. ReadChanges and
  // plan again.
  // UNAVAILABLE if the store cannot take them now (a full disk, an etcd without
  // a majority): it then holds what it held before, or, where that cannot be
  // known since the answer was lost, possibly all of them; ReadChanges tells.
  // Even later than that they take effect only if nobody wrote in between, and
  // whoever commits to the older revision then is ABORTED.
  // RESOURCE_EXHAUSTED if the writes are more than the store takes at once.
  virtual absl::StatusOr<int64_t> Commit(absl::Span<const StoreWrite> writes,
                                         int64_t revision) = 0;

  // What was written after `revision`, by this registry or another, as of a
  // moment after the call began: it never misses a commit that succeeded
  // before. UNAVAILABLE.
  virtual absl::StatusOr<StoreChanges> ReadChanges(int64_t revision) = 0;

  // Has `changed` called whenever another registry may have written, come or
  // gone since; it may be called for nothing, but misses nothing. Calls come
  // one at a time, from a thread of the store's, which may call the store; they
  // have ended when the store is destroyed. Never called for a store that only
  // one registry can open. Call it once at most.
  virtual void Watch(std::function<void()> changed) = 0;

  // Makes this registry one of the LiveRegistries until the store is destroyed
  // or its process dies. `incarnation` tells this life of this registry from
  // every other. If it cannot reach the store for long it is not among them,
  // until it can again. UNAVAILABLE; else do not call it again.
  virtual absl::Status HoldRegistry(uint64_t incarnation) = 0;

  // The incarnations of the registries that live and share this store. One that
  // was killed is among them for a few seconds more. UNAVAILABLE.
  virtual absl::StatusOr<std::set<uint64_t>> LiveRegistries() = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_REGISTRY_STORE_H_
