#ifndef FAIRLEAD_SERVICES_REGISTRY_OPEN_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_OPEN_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/rpc/security.h"
#include "services/registry/registry_store.h"

namespace fairlead {

// The store that a flag names:
//
//   /var/lib/fairlead/registry.db   a SQLite file, made if it is not there
//   :memory:                        SQLite in memory, gone with the process
//   etcd://host:2379,other:2379/prefix
//                                   etcd v3; by default under /fairlead/
//
// etcds:// is etcd over TLS, as `security` has it, which other stores have no
// use for. INVALID_ARGUMENT for anything else; errors as those of
// OpenSqliteStore and OpenEtcdStore.
absl::StatusOr<std::unique_ptr<RegistryStore>> OpenStore(
    absl::string_view spec,
    const std::shared_ptr<rpc::Security>& security = nullptr);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_OPEN_STORE_H_
