#include "libs/graph/partition_book.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/npy.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr size_t kMaxIdsNamed = 10;
constexpr size_t kSearchedTogether = 256;

absl::Status CheckNumPartitions(uint64_t num_partitions) {
  if (num_partitions >= 1 && num_partitions <= kMaxPartitions) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("partition book: ", num_partitions,
                   " partitions; there must be 1 to ", kMaxPartitions));
}

// NOT_FOUND for the ids that have no owner.
absl::Status NotOwned(const PartitionBook& book, absl::Span<const int64_t> ids,
                      absl::Span<const uint32_t> owners) {
  std::vector<int64_t> named;
  size_t count = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (owners[i] != kNoPartition) continue;
    if (++count <= kMaxIdsNamed) named.push_back(ids[i]);
  }
  return absl::NotFoundError(absl::StrCat(
      count, " of ", ids.size(),
      " ids are not owned by any partition: ", absl::StrJoin(named, ", "),
      count > kMaxIdsNamed ? ", ..." : "", "; the book has ids below ",
      book.num_ids(), " in ", book.num_partitions(), " partitions"));
}

// The largest number of an entry: nobody's.
template <typename Entry>
constexpr Entry kNobody = std::numeric_limits<Entry>::max();

template <typename Entry>
absl::Status WriteTable(const std::string& path, absl::string_view dtype,
                        absl::Span<const uint32_t> owners) {
  std::vector<Entry> entries(owners.size());
  // kNoPartition loses its upper bits, which leaves kNobody.
  for (size_t i = 0; i < owners.size(); ++i) {
    entries[i] = static_cast<Entry>(owners[i]);
  }
  return WriteNpy<Entry>(path, dtype, {static_cast<int64_t>(owners.size())},
                         entries);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const PartitionBook>> PartitionBook::Open(
    const PartitionBookManifest& manifest) {
  const int kinds = (manifest.bounds.empty() ? 0 : 1) +
                    (manifest.table.empty() ? 0 : 1) +
                    (manifest.hashed_ids == 0 ? 0 : 1);
  if (kinds != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "partition book: must have one of bounds, a table, or hashed ids; it "
        "has ",
        kinds));
  }
  if (!manifest.bounds.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(RangePartitionBook book,
                              RangePartitionBook::Create(manifest.bounds));
    return std::make_unique<const RangePartitionBook>(std::move(book));
  }
  if (manifest.hashed_ids != 0) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const HashPartitionBook book,
        HashPartitionBook::Create(manifest.hashed_ids,
                                  manifest.num_partitions));
    return std::make_unique<const HashPartitionBook>(book);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      TablePartitionBook book,
      TablePartitionBook::Open(manifest.table, manifest.num_partitions));
  return std::make_unique<const TablePartitionBook>(std::move(book));
}

absl::StatusOr<PartitionedIds> PartitionBook::Split(
    absl::Span<const int64_t> ids) const {
  std::vector<uint32_t> owners(ids.size());
  FAIRLEAD_RETURN_IF_ERROR(PartitionOf(ids, absl::MakeSpan(owners)));
  PartitionedIds split;
  split.ids.resize(ids.size());
  split.positions.resize(ids.size());
  split.begins.resize(size_t{num_partitions()} + 1);
  // Counts, one place further on; then where each partition begins; then, as
  // ids take their places, where its next one goes, which ends up where the
  // next partition begins: hence one place further on.
  std::vector<int64_t>& begins = split.begins;
  for (const uint32_t owner : owners) {
    if (owner + 2 < begins.size()) ++begins[owner + 2];
  }
  for (size_t i = 2; i < begins.size(); ++i) begins[i] += begins[i - 1];
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto place = static_cast<size_t>(begins[owners[i] + 1]++);
    split.ids[place] = ids[i];
    split.positions[place] = static_cast<int64_t>(i);
  }
  return split;
}

RangePartitionBook::RangePartitionBook(std::vector<int64_t> bounds)
    : PartitionBook(static_cast<uint32_t>(bounds.size() - 1), bounds.back()),
      bounds_(std::move(bounds)) {}

absl::StatusOr<RangePartitionBook> RangePartitionBook::Create(
    std::vector<int64_t> bounds) {
  // (No bounds at all are no partitions, too.)
  FAIRLEAD_RETURN_IF_ERROR(
      CheckNumPartitions(std::max(bounds.size(), size_t{1}) - 1));
  if (bounds.front() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("range partition book: bounds begin with ", bounds.front(),
                     "; ids, and so bounds, begin with 0"));
  }
  const auto fall = std::is_sorted_until(bounds.begin(), bounds.end());
  if (fall != bounds.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "range partition book: bounds[", fall - bounds.begin(), "] is ", *fall,
        ", below ", *(fall - 1), " before it; bounds must rise"));
  }
  return RangePartitionBook(std::move(bounds));
}

absl::StatusOr<RangePartitionBook> RangePartitionBook::CreateEven(
    int64_t num_ids, uint32_t num_partitions) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNumPartitions(num_partitions));
  if (num_ids < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("range partition book: of ", num_ids, " ids"));
  }
  std::vector<int64_t> bounds = {0};
  bounds.reserve(size_t{num_partitions} + 1);
  for (uint32_t partition = 0; partition < num_partitions; ++partition) {
    bounds.push_back(bounds.back() + num_ids / num_partitions +
                     (partition < num_ids % num_partitions ? 1 : 0));
  }
  return RangePartitionBook(std::move(bounds));
}

PartitionBookManifest RangePartitionBook::Manifest() const {
  return {.bounds = bounds_};
}

absl::Status RangePartitionBook::PartitionOf(absl::Span<const int64_t> ids,
                                             absl::Span<uint32_t> out) const {
  // The owner is the first partition that ends beyond the id: a binary search
  // with as many steps for each id, a step for all ids of a block before the
  // next step. So nothing is predicted, and no id waits for another.
  const auto bound = static_cast<uint64_t>(num_ids());
  bool all_owned = true;
  for (size_t from = 0; from < ids.size(); from += kSearchedTogether) {
    const size_t to = std::min(ids.size(), from + kSearchedTogether);
    for (size_t i = from; i < to; ++i) out[i] = 0;
    for (uint32_t left = num_partitions(); left > 1;) {
      const uint32_t half = left / 2;
      const int64_t* const ends = bounds_.data() + half;
      for (size_t i = from; i < to; ++i) {
        out[i] += half * static_cast<uint32_t>(ends[out[i]] <= ids[i]);
      }
      left -= half;
    }
    for (size_t i = from; i < to; ++i) {
      // A negative id is huge when taken as unsigned.
      const bool owned = static_cast<uint64_t>(ids[i]) < bound;
      out[i] = owned ? out[i] : kNoPartition;
      all_owned &= owned;
    }
  }
  return all_owned ? absl::OkStatus() : NotOwned(*this, ids, out);
}

TablePartitionBook::TablePartitionBook(NpyFile table, uint32_t num_partitions)
    : PartitionBook(num_partitions, table.shape()[0]),
      table_(std::move(table)) {}

template <typename Function>
auto TablePartitionBook::WithEntries(Function function) const {
  switch (table_.dtype()[1]) {
    case '1':
      return function(table_.As<uint8_t>());
    case '2':
      return function(table_.As<uint16_t>());
    default:
      return function(table_.As<uint32_t>());
  }
}

absl::StatusOr<TablePartitionBook> TablePartitionBook::Open(
    const std::string& path, uint32_t num_partitions) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNumPartitions(num_partitions));
  FAIRLEAD_ASSIGN_OR_RETURN(NpyFile table, NpyFile::Open(path));
  if (table.dtype() != "u1" && table.dtype() != "u2") {
    // Whose text asks for the one dtype that every table fits.
    FAIRLEAD_RETURN_IF_ERROR(table.Expect("u4", 1));
  }
  FAIRLEAD_RETURN_IF_ERROR(table.Expect(table.dtype(), 1));
  TablePartitionBook book(std::move(table), num_partitions);
  FAIRLEAD_RETURN_IF_ERROR(book.CheckEntries());
  return book;
}

absl::Status TablePartitionBook::CheckEntries() {
  return WithEntries([this]<typename Entry>(absl::Span<const Entry> entries) {
    if (num_partitions() > kNobody<Entry>) {
      return absl::InvalidArgumentError(absl::StrCat(
          table_.path(), ": dtype ", table_.dtype(), " is too narrow for ",
          num_partitions(), " partitions; write it wider"));
    }
    for (size_t id = 0; id < entries.size(); ++id) {
      if (entries[id] < num_partitions()) continue;
      if (entries[id] == kNobody<Entry>) {
        is_dense_ = false;
        continue;
      }
      return absl::InvalidArgumentError(
          absl::StrCat(table_.path(), ": [", id, "] is ", entries[id],
                       ", but there are ", num_partitions(), " partitions; ",
                       kNobody<Entry>, " where an id is nobody's"));
    }
    return absl::OkStatus();
  });
}

PartitionBookManifest TablePartitionBook::Manifest() const {
  return {.table = table_.path(), .num_partitions = num_partitions()};
}

absl::Status TablePartitionBook::PartitionOf(absl::Span<const int64_t> ids,
                                             absl::Span<uint32_t> out) const {
  const uint32_t partitions = num_partitions();
  bool all_owned = true;
  WithEntries([&]<typename Entry>(absl::Span<const Entry> entries) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto id = static_cast<uint64_t>(ids[i]);
      const Entry entry = id < entries.size() ? entries[id] : kNobody<Entry>;
      // Whatever has become of the file since it was checked: no partition
      // that there is none of.
      const bool owned = entry < partitions;
      out[i] = owned ? entry : kNoPartition;
      all_owned &= owned;
    }
  });
  return all_owned ? absl::OkStatus() : NotOwned(*this, ids, out);
}

uint32_t HashOwner(int64_t id, uint32_t num_partitions) {
  return static_cast<uint32_t>(
      static_cast<unsigned __int128>(SplitMix64(static_cast<uint64_t>(id))) *
          num_partitions >>
      64);
}

absl::StatusOr<HashPartitionBook> HashPartitionBook::Create(
    int64_t num_ids, uint32_t num_partitions) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNumPartitions(num_partitions));
  if (num_ids < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("hash partition book: of ", num_ids, " ids"));
  }
  return HashPartitionBook(num_ids, num_partitions);
}

PartitionBookManifest HashPartitionBook::Manifest() const {
  return {.hashed_ids = num_ids(), .num_partitions = num_partitions()};
}

absl::Status HashPartitionBook::PartitionOf(absl::Span<const int64_t> ids,
                                            absl::Span<uint32_t> out) const {
  const auto bound = static_cast<uint64_t>(num_ids());
  bool all_owned = true;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool owned = static_cast<uint64_t>(ids[i]) < bound;
    out[i] = owned ? HashOwner(ids[i], num_partitions()) : kNoPartition;
    all_owned &= owned;
  }
  return all_owned ? absl::OkStatus() : NotOwned(*this, ids, out);
}

absl::Status WritePartitionTable(const std::string& path,
                                 uint32_t num_partitions,
                                 absl::Span<const uint32_t> owners) {
  FAIRLEAD_RETURN_IF_ERROR(CheckNumPartitions(num_partitions));
  for (size_t id = 0; id < owners.size(); ++id) {
    if (owners[id] >= num_partitions && owners[id] != kNoPartition) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": the owner of id ", id, " is ", owners[id],
                       ", but there are ", num_partitions, " partitions"));
    }
  }
  if (num_partitions <= kNobody<uint8_t>) {
    return WriteTable<uint8_t>(path, "u1", owners);
  }
  if (num_partitions <= kNobody<uint16_t>) {
    return WriteTable<uint16_t>(path, "u2", owners);
  }
  return WriteTable<uint32_t>(path, "u4", owners);
}

}  // namespace fairlead
