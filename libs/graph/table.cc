#include "libs/graph/table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

// Rows whose addresses are known that far ahead are on their way into the
// cache while earlier ones are copied. 16 rows of 512 bytes keep the memory
// system's queues full and fit the first-level cache. Within a wide row the
// hardware sees the pattern by itself, and is slower when helped (README.md).
constexpr size_t kRowsAhead = 16;
constexpr size_t kMaxPrefetchedRowBytes = 1024;
constexpr uintptr_t kCacheLine = 64;

// Rows that are looked up together before they are copied together.
constexpr size_t kBlock = 512;

void PrefetchRow(uintptr_t row, uintptr_t bytes) {
  for (uintptr_t line = 0; line < bytes; line += kCacheLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(row + line));
  }
}

}  // namespace

absl::Status Table::Gather(absl::Span<const int64_t> ids, int64_t first_id,
                           absl::Span<uint8_t> out) const {
  const auto bytes = static_cast<size_t>(row_bytes());
  const uintptr_t prefetched = bytes <= kMaxPrefetchedRowBytes ? bytes : 0;
  const auto first = static_cast<uint64_t>(first_id);
  const auto bound = static_cast<uint64_t>(rows);
  uint8_t* to = out.data();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kRowsAhead < ids.size()) {
      // An id that is no row is found when its turn comes: a prefetch of a
      // wild address does nothing. (As a number, since it may be no pointer.)
      PrefetchRow(
          reinterpret_cast<uintptr_t>(data) +
              (static_cast<uint64_t>(ids[i + kRowsAhead]) - first) * bytes,
          prefetched);
    }
    const uint64_t row = static_cast<uint64_t>(ids[i]) - first;
    if (row >= bound) {
      return absl::NotFoundError(
          absl::StrCat("id ", ids[i], ": is no row of a table of ", rows,
                       " rows, whose first is that of id ", first_id));
    }
    std::memcpy(to, data + row * bytes, bytes);
    to += bytes;
  }
  return absl::OkStatus();
}

void CopyRows(absl::Span<const uint8_t* const> rows, size_t row_bytes,
              uint8_t* out) {
  const uintptr_t prefetched =
      row_bytes <= kMaxPrefetchedRowBytes ? row_bytes : 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kRowsAhead < rows.size()) {
      PrefetchRow(reinterpret_cast<uintptr_t>(rows[i + kRowsAhead]),
                  prefetched);
    }
    std::memcpy(out + i * row_bytes, rows[i], row_bytes);
  }
}

absl::Status RowStore::Gather(absl::Span<const int64_t> wanted,
                              absl::Span<uint8_t> out) const {
  if (ids.is_range() && !cached.has_value()) {
    return table.Gather(wanted, ids.first(), out);
  }
  const auto bytes = static_cast<size_t>(table.row_bytes());
  std::array<const uint8_t*, kBlock> rows;
  for (size_t from = 0; from < wanted.size(); from += kBlock) {
    const size_t size = std::min(kBlock, wanted.size() - from);
    for (size_t i = 0; i < size; ++i) ids.Prefetch(wanted[from + i]);
    for (size_t i = 0; i < size; ++i) {
      rows[i] = Find(wanted[from + i]);
      if (rows[i] == nullptr) {
        return absl::NotFoundError(absl::StrCat(
            "id ", wanted[from + i],
            ": has no row in this partition, which has ", table.rows));
      }
    }
    CopyRows(absl::MakeConstSpan(rows.data(), size), bytes,
             out.data() + from * bytes);
  }
  return absl::OkStatus();
}

}  // namespace fairlead
