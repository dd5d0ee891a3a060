#ifndef FAIRLEAD_LIBS_GRAPH_TABLE_H_
#define FAIRLEAD_LIBS_GRAPH_TABLE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"

namespace fairlead {

// Rows of equal width, dense, in memory that is not its own. Plain data.
struct Table {
  ElementType element_type = ElementType::kFloat32;
  int64_t rows = 0;
  int64_t columns = 0;
  const uint8_t* data = nullptr;

  int64_t row_bytes() const {
    return columns * static_cast<int64_t>(ElementBytes(element_type));
  }
  // REQUIRES 0 <= row < rows.
  const uint8_t* Row(int64_t row) const { return data + row * row_bytes(); }

  // Copies the rows of `ids` to `out`, in order, repeats allowed, where the
  // first row is that of `first_id`. NOT_FOUND, naming an id, if one has no
  // row (never another row in its place: W-31); then `out` holds nothing of
  // use. REQUIRES out.size() == ids.size() * row_bytes().
  absl::Status Gather(absl::Span<const int64_t> ids, int64_t first_id,
                      absl::Span<uint8_t> out) const;
};

// The features, or labels, of one node or edge type that a partition has.
struct RowStore {
  Table table;
  IdSpace ids;  // whose rows these are
  // value = scale[column] * element, for int8 and uint8: one for each column,
  // or one for all; empty where elements are the values.
  absl::Span<const float> scale;

  // Rows of other partitions that are kept here too (parity 2.6: GLT's feature
  // cache), with the same columns.
  std::optional<Table> cached;
  IdSpace cached_ids;

  // The row of an id, or null if it is not here.
  const uint8_t* Find(int64_t id) const {
    const int64_t row = ids.Row(id);
    if (row >= 0) return table.Row(row);
    if (!cached.has_value()) return nullptr;
    const int64_t cached_row = cached_ids.Row(id);
    return cached_row >= 0 ? cached->Row(cached_row) : nullptr;
  }

  // As Table::Gather, of ids of the whole graph. REQUIRES
  // out.size() == ids.size() * table.row_bytes().
  absl::Status Gather(absl::Span<const int64_t> ids,
                      absl::Span<uint8_t> out) const;
};

// Copies rows whose addresses are known, as fast as memory allows. REQUIRES
// room for as many at `out`.
void CopyRows(absl::Span<const uint8_t* const> rows, size_t row_bytes,
              uint8_t* out);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_TABLE_H_
