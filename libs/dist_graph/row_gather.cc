#include "libs/dist_graph/row_gather.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_macros.h"

namespace fairlead {

const RowStore* FindRows(const Dataset& dataset, const RowSet& set) {
  const std::optional<RowStore>* store = nullptr;
  const auto type = static_cast<size_t>(set.type);
  if (set.of_edges) {
    store = &dataset.edge_types()[type].features;
  } else if (set.kind == RowKind::kLabels) {
    store = &dataset.node_types()[type].labels;
  } else {
    store = &dataset.node_types()[type].features;
  }
  return store->has_value() ? &**store : nullptr;
}

const PartitionBook* FindRowBook(const Dataset& dataset, const RowSet& set) {
  const auto type = static_cast<size_t>(set.type);
  if (set.of_edges) return dataset.edge_types()[type].feature_book.get();
  const NodeType& nodes = dataset.node_types()[type];
  return set.kind == RowKind::kLabels ? nodes.book.get()
                                      : nodes.feature_book.get();
}

RowCaches::RowCaches(const Dataset& dataset, uint64_t budget_bytes) {
  std::vector<std::pair<RowSet, uint64_t>> elsewhere;  // bytes
  uint64_t total = 0;
  const auto consider = [&](const RowSet& set) {
    const RowStore* store = FindRows(dataset, set);
    const PartitionBook* book = FindRowBook(dataset, set);
    if (store == nullptr || book == nullptr) return;
    const auto ids = static_cast<uint64_t>(book->num_ids());
    const uint64_t bytes =
        ids * static_cast<uint64_t>(store->table.row_bytes());
    elsewhere.emplace_back(set, bytes);
    total += bytes;
  };
  for (size_t t = 0; t < dataset.node_types().size(); ++t) {
    consider({.type = static_cast<int>(t)});
  }
  for (size_t e = 0; e < dataset.edge_types().size(); ++e) {
    consider({.of_edges = true, .type = static_cast<int>(e)});
  }
  for (const auto& [set, bytes] : elsewhere) {
    if (bytes == 0 || budget_bytes == 0) continue;
    const double share =
        static_cast<double>(bytes) / static_cast<double>(total);
    caches_[set] = std::make_unique<RowCache>(RowCache::Options{
        .row_bytes =
            static_cast<uint64_t>(FindRows(dataset, set)->table.row_bytes()),
        .budget_bytes =
            static_cast<uint64_t>(share * static_cast<double>(budget_bytes))});
  }
}

RowCache* RowCaches::Find(const RowSet& set) const {
  const auto it = caches_.find(set);
  return it == caches_.end() ? nullptr : it->second.get();
}

RowCache::Counts RowCaches::counts() const {
  RowCache::Counts sum;
  for (const auto& [set, cache] : caches_) {
    const RowCache::Counts counts = cache->counts();
    sum.hits += counts.hits;
    sum.misses += counts.misses;
    sum.admitted += counts.admitted;
    sum.rejected += counts.rejected;
    sum.rows += counts.rows;
    sum.bytes += counts.bytes;
  }
  return sum;
}

absl::Status RowGather::Begin(const Dataset& dataset, const RowSet& set,
                              RowCache* cache, absl::Span<const int64_t> ids,
                              std::vector<RowFetch>* fetches) {
  store_ = FindRows(dataset, set);
  cache_ = cache;
  row_bytes_ = static_cast<size_t>(store_->table.row_bytes());
  rows_.assign(ids.size(), nullptr);
  wanted_.clear();
  first_fetch_ = fetches->size();
  num_fetches_ = 0;
  std::vector<int64_t> missing;
  std::vector<size_t> positions;
  for (size_t i = 0; i < ids.size(); ++i) {
    rows_[i] = store_->Find(ids[i]);
    if (rows_[i] != nullptr) continue;
    missing.push_back(ids[i]);
    positions.push_back(i);
  }
  if (missing.empty()) return absl::OkStatus();
  const PartitionBook* book = FindRowBook(dataset, set);
  if (book == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no rows for ", DescribeIds(missing)));
  }
  std::vector<uint32_t> owners(missing.size());
  FAIRLEAD_RETURN_IF_ERROR(book->PartitionOf(missing, absl::MakeSpan(owners)));
  // Space for all that the cache may give: pointers into it must stay.
  from_cache_.resize(cache == nullptr ? 0 : missing.size() * row_bytes_);
  absl::flat_hash_map<uint32_t, size_t> fetch_of;  // by partition
  absl::flat_hash_map<int64_t, Wanted> asked_for;  // by id
  for (size_t i = 0; i < missing.size(); ++i) {
    if (owners[i] == dataset.partition()) {
      return absl::NotFoundError(absl::StrCat(
          "id ", missing[i], ": partition ", owners[i],
          " owns it by the partition book, and has no row for it"));
    }
    const auto again = asked_for.find(missing[i]);
    if (again != asked_for.end()) {
      wanted_.push_back(again->second);
      wanted_.back().position = positions[i];
      continue;
    }
    if (cache != nullptr) {
      uint8_t* copy = from_cache_.data() + i * row_bytes_;
      if (cache->Get(missing[i], copy)) {
        rows_[positions[i]] = copy;
        continue;
      }
    }
    const auto [fetch, is_new] = fetch_of.try_emplace(owners[i], num_fetches_);
    if (is_new) {
      ++num_fetches_;
      fetches->push_back({.partition = owners[i],
                          .of_edges = set.of_edges,
                          .type = set.type,
                          .kind = set.kind,
                          .row_bytes = row_bytes_});
    }
    std::vector<int64_t>& asked = (*fetches)[first_fetch_ + fetch->second].ids;
    const Wanted wanted = {
        .fetch = fetch->second, .row = asked.size(), .position = positions[i]};
    asked.push_back(missing[i]);
    asked_for.emplace(missing[i], wanted);
    wanted_.push_back(wanted);
  }
  return absl::OkStatus();
}

absl::Status RowGather::End(absl::Span<const RowFetch> fetches) {
  for (size_t i = 0; i < num_fetches_; ++i) {
    const RowFetch& fetch = fetches[first_fetch_ + i];
    if (fetch.answer.size() == fetch.ids.size() * row_bytes_) continue;
    return absl::InternalError(absl::StrCat(
        "partition ", fetch.partition, " answered ", fetch.answer.size(),
        " bytes for ", fetch.ids.size(), " rows of ", row_bytes_, " bytes"));
  }
  for (const Wanted& wanted : wanted_) {
    const RowFetch& fetch = fetches[first_fetch_ + wanted.fetch];
    rows_[wanted.position] =
        reinterpret_cast<const uint8_t*>(fetch.answer.data()) +
        wanted.row * row_bytes_;
    if (cache_ != nullptr) {
      cache_->Offer(fetch.ids[wanted.row], rows_[wanted.position]);
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
