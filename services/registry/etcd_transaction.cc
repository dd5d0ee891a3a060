#include "services/registry/etcd_transaction.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

// etcd takes 128 operations in a transaction and, since it counts nested ones
// by their depth, 60 transactions of 60.
constexpr int kMaxOperations = 60;

// etcd takes requests of 1.5 MiB: of chunks, and of all that a transaction
// holds besides them.
constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kMaxRequestBytes = size_t{1} << 20;
constexpr size_t kMaxInlineBytes = size_t{64} << 10;
constexpr size_t kOperationBytes = 64;  // a bound on one's size but its strings

class Planner {
 public:
  Planner(const EtcdKeys& keys, std::string id)
      : keys_(keys), id_(std::move(id)) {
    etcdserverpb::PutRequest& version =
        *operations_.emplace_back().mutable_request_put();
    version.set_key(keys_.version);
    version.set_value(id_);
  }

  void Delete(const std::string& key) {
    etcdserverpb::DeleteRangeRequest& remove =
        *operations_.emplace_back().mutable_request_delete_range();
    remove.set_key(keys_.records + key);
    remove.set_prev_kv(true);
    bytes_ += kOperationBytes + remove.key().size();
  }

  void Put(const std::string& key, const std::string& value) {
    const bool is_large =
        value.size() > kMaxInlineBytes ||
        bytes_ + key.size() + value.size() > kMaxRequestBytes / 2;
    std::string stored =
        is_large ? PutChunks(value) : absl::StrCat(kInlineTag, value);
    etcdserverpb::PutRequest& put =
        *operations_.emplace_back().mutable_request_put();
    put.set_key(keys_.records + key);
    put.set_value(std::move(stored));
    put.set_prev_kv(true);
    bytes_ += kOperationBytes + put.key().size() + put.value().size();
  }

  absl::StatusOr<EtcdTransaction> Finish(int64_t revision) && {
    constexpr int kMost = kMaxOperations * kMaxOperations;
    const int count = static_cast<int>(operations_.size());
    if (count > kMost || bytes_ > kMaxRequestBytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "store: a commit of ", count, " operations and ", bytes_,
          " bytes is more than one transaction of etcd's can be (", kMost,
          " and ", kMaxRequestBytes, "); commit less at once"));
    }
    etcdserverpb::Compare& compare = *planned_.request.add_compare();
    compare.set_target(etcdserverpb::Compare::MOD);
    compare.set_key(keys_.version);
    compare.set_mod_revision(revision);
    planned_.request.add_failure()->mutable_request_range()->set_key(
        keys_.version);
    if (count <= kMaxOperations) {
      for (auto& operation : operations_) {
        *planned_.request.add_success() = std::move(operation);
      }
      return std::move(planned_);
    }
    for (int i = 0; i < count; ++i) {
      if (i % kMaxOperations == 0) planned_.request.add_success();
      *planned_.request.mutable_success(i / kMaxOperations)
           ->mutable_request_txn()
           ->add_success() = std::move(operations_[static_cast<size_t>(i)]);
    }
    return std::move(planned_);
  }

 private:
  // Returns what stands for them.
  std::string PutChunks(absl::string_view value) {
    const std::string name = absl::StrCat(id_, "-", next_name_++);
    int count = 0;
    for (size_t at = 0; at < value.size(); at += kChunkBytes) {
      etcdserverpb::PutRequest& chunk = planned_.chunks.emplace_back();
      chunk.set_key(keys_.ChunksOf(name) + absl::StrFormat("%08d", count++));
      chunk.set_value(std::string(value.substr(at, kChunkBytes)));
      // The commit takes it off its lease.
      etcdserverpb::PutRequest& keep =
          *operations_.emplace_back().mutable_request_put();
      keep.set_key(chunk.key());
      keep.set_ignore_value(true);
      bytes_ += kOperationBytes + chunk.key().size();
    }
    return absl::StrCat(kLargeTag, name, "/", count);
  }

  const EtcdKeys& keys_;
  const std::string id_;
  EtcdTransaction planned_;
  std::vector<etcdserverpb::RequestOp> operations_;
  size_t bytes_ = 0;
  int next_name_ = 0;
};

void FindReplaced(const mvccpb::KeyValue& previous,
                  std::vector<std::string>* names) {
  std::optional<LargeValue> large = ParseLargeValue(previous.value());
  if (large.has_value()) names->push_back(std::move(large->name));
}

}  // namespace

std::string EndOfPrefix(std::string prefix) {
  ++prefix.back();
  return prefix;
}

std::optional<LargeValue> ParseLargeValue(absl::string_view stored) {
  LargeValue large;
  if (!absl::ConsumePrefix(&stored, kLargeTag)) return std::nullopt;
  const size_t slash = stored.find('/');
  if (slash == absl::string_view::npos ||
      !absl::SimpleAtoi(stored.substr(slash + 1), &large.chunks)) {
    return std::nullopt;
  }
  large.name = std::string(stored.substr(0, slash));
  return large;
}

absl::StatusOr<EtcdTransaction> PlanTransaction(
    const EtcdKeys& keys, absl::Span<const StoreWrite> writes, int64_t revision,
    const std::string& id) {
  // etcd refuses a transaction that writes a key twice: the last write counts.
  std::map<std::string, const StoreWrite*> last;
  for (const StoreWrite& write : writes) last[write.key] = &write;
  Planner planner(keys, id);
  for (const auto& [key, write] : last) {
    if (write->value.has_value()) {
      planner.Put(key, *write->value);
    } else {
      planner.Delete(key);
    }
  }
  return std::move(planner).Finish(revision);
}

std::vector<std::string> ReplacedChunks(
    const etcdserverpb::TxnResponse& response) {
  std::vector<std::string> names;
  for (const etcdserverpb::ResponseOp& operation : response.responses()) {
    FindReplaced(operation.response_put().prev_kv(), &names);
    for (const auto& previous : operation.response_delete_range().prev_kvs()) {
      FindReplaced(previous, &names);
    }
    for (std::string& name : ReplacedChunks(operation.response_txn())) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace fairlead
