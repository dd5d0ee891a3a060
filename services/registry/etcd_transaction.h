#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_TRANSACTION_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_TRANSACTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/registry/registry_store.h"
#include "third_party/etcd/rpc.pb.h"

// How an etcd store's records, and a commit of them, look in etcd: see
// etcd_store.h. Pure.
namespace fairlead {

struct EtcdKeys {
  explicit EtcdKeys(absl::string_view prefix)
      : chunks(absl::StrCat(prefix, "chunks/")),
        records(absl::StrCat(prefix, "records/")),
        registries(absl::StrCat(prefix, "registries/")),
        version(absl::StrCat(prefix, "version")) {}

  std::string ChunksOf(absl::string_view name) const {
    return absl::StrCat(chunks, name, "/");
  }

  // In this order: all but the chunks are one range.
  std::string chunks;
  std::string records;
  std::string registries;
  std::string version;
};

// The end of the range of all keys that begin with `prefix`, which is not
// empty and ends with an ASCII character.
std::string EndOfPrefix(std::string prefix);

// What a record's key holds begins with one of these.
inline constexpr absl::string_view kInlineTag = "=";
inline constexpr absl::string_view kLargeTag = "#";

// Where the chunks of a large value are.
struct LargeValue {
  std::string name;
  int chunks = 0;
};
// nullopt if what a record's key holds is no large value.
std::optional<LargeValue> ParseLargeValue(absl::string_view stored);

// A commit of `writes` to `revision`. It leaves the version with the value
// `id`; it answers, if it fails, the version as it is instead.
struct EtcdTransaction {
  std::vector<etcdserverpb::PutRequest> chunks;  // to be put first, on a lease
  etcdserverpb::TxnRequest request;
};

// RESOURCE_EXHAUSTED if that is more than one transaction of etcd's can be.
absl::StatusOr<EtcdTransaction> PlanTransaction(
    const EtcdKeys& keys, absl::Span<const StoreWrite> writes, int64_t revision,
    const std::string& id);

// The names of chunks that the transaction has left without a record.
std::vector<std::string> ReplacedChunks(
    const etcdserverpb::TxnResponse& response);

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_TRANSACTION_H_
