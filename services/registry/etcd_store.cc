#include "services/registry/etcd_store.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/rpc/address.h"
#include "libs/status/status_macros.h"
#include "services/registry/etcd_client.h"
#include "services/registry/etcd_lease.h"
#include "services/registry/etcd_transaction.h"
#include "services/registry/etcd_watch.h"
#include "services/registry/registry_store.h"
#include "third_party/etcd/rpc.pb.h"

namespace fairlead {
namespace {

// Of a Load: a page is 16 MiB at most, of inline values.
constexpr int64_t kPageKeys = 256;
// How often everything is read again because it was compacted meanwhile.
constexpr int kMaxReads = 5;

class EtcdStore final : public RegistryStore {
 public:
  EtcdStore(EtcdOptions options, EtcdKeys keys)
      : options_(std::move(options)),
        keys_(std::move(keys)),
        client_(options_.endpoints, options_.call_deadline, options_.security),
        watch_({.endpoints = options_.endpoints,
                .security = options_.security,
                .call_deadline = options_.call_deadline,
                .begin = keys_.records,
                .end = EndOfPrefix(keys_.version),
                .version = keys_.version,
                .records = keys_.records}) {}

  // The store's revision, and the revision of etcd at which it was read.
  struct Version {
    int64_t revision = 0;
    int64_t read_at = 0;
  };
  absl::StatusOr<Version> ReadVersion() {
    etcdserverpb::RangeRequest request;
    request.set_key(keys_.version);
    FAIRLEAD_ASSIGN_OR_RETURN(const auto response, client_.Range(request));
    const Version version{
        response.kvs_size() > 0 ? response.kvs(0).mod_revision() : 0,
        response.header().revision()};
    watch_.NoteLastCommit(version.revision, version.read_at);
    return version;
  }

  absl::StatusOr<StoreContents> Load() override {
    absl::StatusOr<StoreContents> contents;
    for (int i = 0; i < kMaxReads; ++i) {
      contents = TryLoad();
      if (!absl::IsOutOfRange(contents.status())) return contents;
    }
    return Compacted(contents.status());
  }

  absl::StatusOr<int64_t> Commit(absl::Span<const StoreWrite> writes,
                                 int64_t revision) override {
    watch_.BeginCommit();
    const absl::StatusOr<int64_t> committed = TryCommit(writes, revision);
    watch_.EndCommit(committed.value_or(0));
    return committed;
  }

  absl::StatusOr<StoreChanges> ReadChanges(int64_t revision) override {
    FAIRLEAD_ASSIGN_OR_RETURN(const Version version, ReadVersion());
    if (version.revision == revision) return StoreChanges{.revision = revision};
    if (version.revision > revision) {
      const auto commits = watch_.Since(revision, version.revision);
      if (commits.has_value()) {
        absl::StatusOr<StoreChanges> changes = ChangesOf(*commits);
        if (!absl::IsOutOfRange(changes.status())) return changes;
      }
    }
    FAIRLEAD_ASSIGN_OR_RETURN(StoreContents contents, Load());
    StoreChanges changes{.from_scratch = true, .revision = contents.revision};
    for (auto& [key, value] : contents.records) {
      changes.writes.push_back({key, std::move(value)});
    }
    return changes;
  }

  void Watch(std::function<void()> changed) override {
    watch_.Notify(std::move(changed));
  }

  absl::Status HoldRegistry(uint64_t incarnation) override {
    FAIRLEAD_ASSIGN_OR_RETURN(
        registry_,
        EtcdLease::Hold(
            {.endpoints = options_.endpoints,
             .security = options_.security,
             .call_deadline = options_.call_deadline,
             .ttl = options_.registry_ttl,
             .key = absl::StrCat(keys_.registries,
                                 absl::Hex(incarnation, absl::kZeroPad16))}));
    return absl::OkStatus();
  }

  absl::StatusOr<std::set<uint64_t>> LiveRegistries() override {
    etcdserverpb::RangeRequest request;
    request.set_key(keys_.registries);
    request.set_range_end(EndOfPrefix(keys_.registries));
    request.set_keys_only(true);
    FAIRLEAD_ASSIGN_OR_RETURN(const auto response, client_.Range(request));
    std::set<uint64_t> incarnations;
    for (const mvccpb::KeyValue& kv : response.kvs()) {
      uint64_t incarnation = 0;
      if (absl::SimpleHexAtoi(absl::StripPrefix(kv.key(), keys_.registries),
                              &incarnation)) {
        incarnations.insert(incarnation);
      }
    }
    return incarnations;
  }

 private:
  absl::Status Compacted(const absl::Status& status) const {
    return absl::UnavailableError(absl::StrCat(
        status.message(),
        "; it compacts faster than it can be read: keep more of its history"));
  }

  // OUT_OF_RANGE if what it reads is compacted meanwhile.
  absl::StatusOr<StoreContents> TryLoad() {
    StoreContents contents;
    etcdserverpb::RangeRequest request;
    request.set_key(keys_.records);
    request.set_range_end(EndOfPrefix(keys_.version));
    request.set_limit(kPageKeys);
    while (true) {
      FAIRLEAD_ASSIGN_OR_RETURN(const auto page, client_.Range(request));
      if (request.revision() == 0) {
        request.set_revision(page.header().revision());
      }
      for (const mvccpb::KeyValue& kv : page.kvs()) {
        if (kv.key() == keys_.version) contents.revision = kv.mod_revision();
        if (absl::StartsWith(kv.key(), keys_.records)) {
          contents.records[std::string(
              absl::StripPrefix(kv.key(), keys_.records))] = kv.value();
        }
      }
      if (!page.more() || page.kvs().empty()) break;
      // The first key after the last.
      request.set_key(page.kvs(page.kvs_size() - 1).key() + '\0');
    }
    std::set<std::string> chunks;
    for (auto& [key, value] : contents.records) {
      const std::optional<LargeValue> large = ParseLargeValue(value);
      if (large.has_value()) chunks.insert(large->name);
      FAIRLEAD_ASSIGN_OR_RETURN(value, Value(key, value, request.revision()));
    }
    Sweep(chunks, request.revision());
    watch_.NoteLastCommit(contents.revision, request.revision());
    watch_.NoteKnown(contents.revision);
    return contents;
  }

  // Deletes chunks that no record names, and none will since no lease waits for
  // a commit of theirs. Those that cannot be deleted wait for the next Load.
  void Sweep(const std::set<std::string>& used, int64_t revision) {
    etcdserverpb::RangeRequest request;
    request.set_key(keys_.chunks);
    request.set_range_end(EndOfPrefix(keys_.chunks));
    request.set_revision(revision);
    request.set_keys_only(true);
    const auto response = client_.Range(request);
    if (!response.ok()) return;
    std::set<std::string> unused;
    for (const mvccpb::KeyValue& kv : response->kvs()) {
      const absl::string_view key = absl::StripPrefix(kv.key(), keys_.chunks);
      const std::string name(key.substr(0, key.find('/')));
      if (kv.lease() == 0 && used.count(name) == 0) unused.insert(name);
    }
    for (const std::string& name : unused) DeleteChunks(name);
  }

  void DeleteChunks(const std::string& name) {
    etcdserverpb::DeleteRangeRequest request;
    request.set_key(keys_.ChunksOf(name));
    request.set_range_end(EndOfPrefix(keys_.ChunksOf(name)));
    client_.DeleteRange(request).IgnoreError();
  }

  // A record's value, as it was at `revision`, from what its key holds.
  absl::StatusOr<std::string> Value(absl::string_view key,
                                    const std::string& stored,
                                    int64_t revision) {
    if (absl::StartsWith(stored, kInlineTag)) {
      return stored.substr(kInlineTag.size());
    }
    const std::optional<LargeValue> large = ParseLargeValue(stored);
    if (!large.has_value()) {
      return absl::DataLossError(
          absl::StrCat("store: ", client_.name(), ": ", keys_.records, key,
                       ": was not written by a registry; delete it, or give "
                       "another prefix"));
    }
    etcdserverpb::RangeRequest request;
    request.set_key(keys_.ChunksOf(large->name));
    request.set_range_end(EndOfPrefix(keys_.ChunksOf(large->name)));
    request.set_revision(revision);
    FAIRLEAD_ASSIGN_OR_RETURN(const auto response, client_.Range(request));
    if (response.kvs_size() != large->chunks) {
      return absl::DataLossError(absl::StrCat(
          "store: ", client_.name(), ": ", keys_.records, key, ": has ",
          response.kvs_size(), " chunks of ", large->chunks));
    }
    std::string value;
    for (const mvccpb::KeyValue& chunk : response.kvs()) value += chunk.value();
    return value;
  }

  // OUT_OF_RANGE if a large value was compacted meanwhile.
  absl::StatusOr<StoreChanges> ChangesOf(
      const std::vector<EtcdWatch::Commit>& commits) {
    StoreChanges changes{.revision = commits.back().revision};
    // The last write of each key is enough.
    std::map<std::string, std::pair<int64_t, const StoreWrite*>> last;
    for (const EtcdWatch::Commit& commit : commits) {
      for (const StoreWrite& write : commit.writes) {
        last[write.key] = {commit.revision, &write};
      }
    }
    for (const auto& [key, at] : last) {
      const auto& [revision, write] = at;
      StoreWrite& change = changes.writes.emplace_back(StoreWrite{key});
      if (!write->value.has_value()) continue;
      FAIRLEAD_ASSIGN_OR_RETURN(change.value,
                                Value(key, *write->value, revision));
    }
    watch_.NoteKnown(changes.revision);
    return changes;
  }

  absl::StatusOr<int64_t> TryCommit(absl::Span<const StoreWrite> writes,
                                    int64_t revision) {
    const std::string id = absl::StrCat(absl::Hex(writer_, absl::kZeroPad16),
                                        "-", next_commit_.fetch_add(1));
    FAIRLEAD_ASSIGN_OR_RETURN(const EtcdTransaction transaction,
                              PlanTransaction(keys_, writes, revision, id));
    int64_t lease = 0;
    const absl::Status put = PutChunks(transaction.chunks, &lease);
    const absl::StatusOr<int64_t> committed =
        put.ok() ? Submit(transaction, revision, id) : put;
    // Chunks of a commit have no lease any more.
    if (lease != 0) client_.RevokeLease(lease).IgnoreError();
    return committed;
  }

  absl::Status PutChunks(absl::Span<const etcdserverpb::PutRequest> chunks,
                         int64_t* lease) {
    if (chunks.empty()) return absl::OkStatus();
    // Each may take as long as a call may, and the commit after them.
    const absl::Duration ttl =
        options_.call_deadline * (static_cast<int64_t>(chunks.size()) + 2);
    FAIRLEAD_ASSIGN_OR_RETURN(*lease, client_.GrantLease(ttl));
    for (etcdserverpb::PutRequest chunk : chunks) {
      chunk.set_lease(*lease);
      FAIRLEAD_RETURN_IF_ERROR(client_.Put(chunk));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Submit(const EtcdTransaction& transaction,
                                 int64_t revision, const std::string& id) {
    bool lost_answer = false;
    FAIRLEAD_ASSIGN_OR_RETURN(const auto response,
                              client_.Txn(transaction.request, &lost_answer));
    if (response.succeeded()) {
      for (const std::string& name : ReplacedChunks(response)) {
        DeleteChunks(name);
      }
      return response.header().revision();
    }
    // It answers the version as it is instead.
    mvccpb::KeyValue version;
    for (const etcdserverpb::ResponseOp& operation : response.responses()) {
      for (const auto& kv : operation.response_range().kvs()) version = kv;
    }
    if (version.value() == id) return version.mod_revision();
    const std::string text =
        absl::StrCat("store: ", client_.name(), ": is at revision ",
                     version.mod_revision(), ", not at ", revision);
    if (lost_answer) {
      return absl::UnavailableError(
          absl::StrCat(text,
                       ", and the answer to a first try of this commit was "
                       "lost; read what has changed"));
    }
    return absl::AbortedError(
        absl::StrCat(text, "; read what has changed, and plan again"));
  }

  const EtcdOptions options_;
  const EtcdKeys keys_;
  // Names this store's commits, with a number.
  const uint64_t writer_ = absl::Uniform<uint64_t>(absl::BitGen());
  std::atomic<uint64_t> next_commit_ = 0;
  EtcdClient client_;
  std::unique_ptr<EtcdLease> registry_;
  EtcdWatch watch_;  // last: its thread may be calling the owner
};

}  // namespace

absl::StatusOr<std::unique_ptr<RegistryStore>> OpenEtcdStore(
    EtcdOptions options) {
  if (options.endpoints.empty()) {
    return absl::InvalidArgumentError(
        "store: etcd needs endpoints: etcd://host:port,host:port/prefix");
  }
  for (const std::string& endpoint : options.endpoints) {
    FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddress("store: endpoint", endpoint));
  }
  if (!absl::StartsWith(options.prefix, "/") ||
      !absl::EndsWith(options.prefix, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("store: prefix \"", options.prefix,
                     "\": must begin and end with \"/\""));
  }
  if (options.call_deadline <= absl::ZeroDuration() ||
      options.registry_ttl <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "store: call_deadline and registry_ttl must be more than zero");
  }
  EtcdKeys keys(options.prefix);
  auto store = std::make_unique<EtcdStore>(std::move(options), std::move(keys));
  FAIRLEAD_RETURN_IF_ERROR(store->ReadVersion().status());
  return std::unique_ptr<RegistryStore>(std::move(store));
}

}  // namespace fairlead
