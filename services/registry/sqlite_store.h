#ifndef FAIRLEAD_SERVICES_REGISTRY_SQLITE_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_SQLITE_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// A store in one SQLite file, made if it is not there; ":memory:" keeps it in
// memory, where it ends with the process. One registry at a time, which is the
// only live one: a file beside it, with ".lock" behind its name, is locked for
// as long as it is open. Others may read it meanwhile, as `sqlite3 FILE
// .backup` does.
//
// INVALID_ARGUMENT, naming the file, if it cannot be made or is no such store;
// FAILED_PRECONDITION if another registry has it.
absl::StatusOr<std::unique_ptr<RegistryStore>> OpenSqliteStore(
    absl::string_view path);

// Where a registry keeps its store if it is not told: fairlead/registry.db in
// the user's state folder (XDG_STATE_HOME, or ~/.local/state), which is made.
// INVALID_ARGUMENT if there is no such folder to be had.
absl::StatusOr<std::string> DefaultStorePath();

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_SQLITE_STORE_H_
