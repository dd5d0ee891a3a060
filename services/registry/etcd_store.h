#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/security.h"
#include "services/registry/registry_store.h"

namespace fairlead {

struct EtcdOptions {
  // host:port of members of one etcd cluster, best all of them: they are tried
  // in turn.
  std::vector<std::string> endpoints = {};
  // With it they are spoken to over TLS: their certificates must be for their
  // hosts. Null: plain text.
  std::shared_ptr<rpc::Security> security = nullptr;
  // Begins every key, so that one etcd serves several clusters and programs.
  std::string prefix = "/fairlead/";
  // How long one call may take, its tries at other members included, each of
  // which has a quarter of it. If that is longer than an election, which takes
  // 1 to 2 seconds unless etcd was told otherwise, the death of a leader costs
  // time and no error.
  absl::Duration call_deadline = absl::Seconds(5);
  // How long a registry that died is still among the LiveRegistries. Whole
  // seconds; etcd grants no less than 1.5 election timeouts.
  absl::Duration registry_ttl = absl::Seconds(5);
};

// A store in etcd v3 (3.4 or later), which any number of registries share. The
// keys, under the prefix:
//
//   records/<key>             the record: "=" and its value, or, of a large
//                             value, "#", the name of its chunks, "/" and their
//                             number
//   chunks/<name>/<number>    up to 1 MiB of a large value
//   registries/<incarnation>  16 hex digits; lives by a lease
//   version                   written by every commit, so the revision of etcd
//                             at which it was is the store's revision
//
// A commit is one transaction that compares the version. Chunks are written
// before it, under a lease that the transaction takes off: what never came to a
// commit goes by itself, and what a later commit replaced is deleted after it,
// or by the next Load if the registry dies in between. Nothing but registries
// may write under the prefix.
//
// Up to 3600 writes fit into a commit, with etcd's default limits (128 in a
// transaction, nested ones aside, and 1.5 MiB in a request); RESOURCE_EXHAUSTED
// beyond.
//
// What others commit comes by a watch; ReadChanges asks etcd for no more than
// the version, and for chunks. etcd keeps each revision until it is compacted:
// run it with --auto-compaction-retention. A registry that slept through a
// compaction reads everything.
//
// Users of etcd are not spoken of: FAILED_PRECONDITION if it asks for one.
// Whom it trusts, it may ask for a certificate (--client-cert-auth).
//
// INVALID_ARGUMENT for options that cannot be; UNAVAILABLE if no member
// answers.
absl::StatusOr<std::unique_ptr<RegistryStore>> OpenEtcdStore(
    EtcdOptions options);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_STORE_H_
