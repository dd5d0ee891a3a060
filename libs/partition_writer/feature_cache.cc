#include "libs/partition_writer/feature_cache.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_writer/batch_hotness.h"
#include "libs/partition_writer/node_books.h"
#include "libs/partition_writer/part_files.h"
#include "libs/partitioner/frequency_partitioner.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// By row; nobody's where there is no feature row.
std::vector<uint32_t> FeatureOwners(const NodeType& type,
                                    const PartitionBook& book) {
  std::vector<uint32_t> owners;
  owners.reserve(static_cast<size_t>(type.num_nodes));
  static_cast<void>(ForEachBlock(
      type.num_nodes, book, [&type](int64_t row) { return type.ids.Id(row); },
      [&](int64_t first, absl::Span<const uint32_t> block) {
        for (size_t i = 0; i < block.size(); ++i) {
          const int64_t id = type.ids.Id(first + static_cast<int64_t>(i));
          owners.push_back(type.features->ids.Row(id) >= 0 ? block[i]
                                                           : kNoPartition);
        }
        return absl::OkStatus();
      }));
  return owners;
}

// The rows of a type that might be kept, hottest first.
struct Candidates {
  size_t type = 0;
  uint64_t row_bytes = 0;
  std::vector<int64_t> rows;
  size_t next = 0;

  double Worth(const HotnessByType& hotness) const {
    return static_cast<double>(hotness[type][static_cast<size_t>(rows[next])]) /
           static_cast<double>(row_bytes);
  }
};

}  // namespace

RowsByType SeedsOf(const Dataset& dataset, absl::Span<const WrittenBook> books,
                   const RowsByType& train, uint32_t part) {
  RowsByType seeds(train.size());
  for (size_t type = 0; type < train.size(); ++type) {
    const IdSpace& ids = dataset.node_types()[type].ids;
    static_cast<void>(ForEachBlock(
        static_cast<int64_t>(train[type].size()), *books[type].book,
        [&](int64_t i) { return ids.Id(train[type][static_cast<size_t>(i)]); },
        [&](int64_t first, absl::Span<const uint32_t> owners) {
          for (size_t i = 0; i < owners.size(); ++i) {
            if (owners[i] != part) continue;
            seeds[type].push_back(train[type][static_cast<size_t>(first) + i]);
          }
          return absl::OkStatus();
        }));
  }
  return seeds;
}

absl::StatusOr<RowsByType> ChooseCache(const Dataset& dataset,
                                       absl::Span<const WrittenBook> books,
                                       uint32_t part,
                                       const HotnessByType& hotness,
                                       uint64_t budget_bytes) {
  std::vector<Candidates> candidates;
  for (size_t i = 0; i < hotness.size(); ++i) {
    const NodeType& type = dataset.node_types()[i];
    if (!type.features.has_value()) continue;
    Candidates& of_type = candidates.emplace_back();
    of_type.type = i;
    of_type.row_bytes = static_cast<uint64_t>(type.features->table.row_bytes());
    if (of_type.row_bytes == 0) continue;
    FAIRLEAD_ASSIGN_OR_RETURN(
        of_type.rows,
        SelectCache(hotness[i], FeatureOwners(type, *books[i].book), part,
                    of_type.row_bytes, budget_bytes));
  }
  RowsByType chosen(hotness.size());
  while (true) {
    Candidates* best = nullptr;
    for (Candidates& each : candidates) {
      if (each.next == each.rows.size() || each.row_bytes > budget_bytes) {
        continue;
      }
      if (best == nullptr || each.Worth(hotness) > best->Worth(hotness)) {
        best = &each;
      }
    }
    if (best == nullptr) break;
    chosen[best->type].push_back(best->rows[best->next++]);
    budget_bytes -= best->row_bytes;
  }
  for (std::vector<int64_t>& rows : chosen) std::sort(rows.begin(), rows.end());
  return chosen;
}

absl::Status WriteCache(const NodeType& type, absl::Span<const int64_t> rows,
                        const std::string& features_path,
                        const std::string& ids_path) {
  const Table& table = type.features->table;
  const auto size = static_cast<int64_t>(rows.size());
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter features,
      NpyWriter::Create(features_path, NpyDtype(table.element_type),
                        {size, table.columns}));
  FAIRLEAD_ASSIGN_OR_RETURN(NpyWriter ids,
                            NpyWriter::Create(ids_path, "i8", {size}));
  PageReleaser releaser(table.data);
  for (const int64_t row : rows) {
    const int64_t id = type.ids.Id(row);
    const uint8_t* const feature_row = type.features->Find(id);
    FAIRLEAD_RETURN_IF_ERROR(
        features.Append(feature_row, static_cast<size_t>(table.row_bytes())));
    FAIRLEAD_RETURN_IF_ERROR(ids.Append(&id, sizeof(id)));
    releaser.ReleaseBefore(feature_row);
  }
  FAIRLEAD_RETURN_IF_ERROR(features.Finish());
  return ids.Finish();
}

}  // namespace fairlead
