#include "libs/partition_writer/split_arrays.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/graph/dataset.h"
#include "libs/graph/id_array.h"
#include "libs/graph/id_writer.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/partition_writer/part_files.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Advance = std::function<void(int64_t)>;

auto IdOfRow(const RowPlacement& rows) {
  return [&ids = *rows.ids](int64_t row) { return ids.Id(row); };
}

// Where the first edge of a row is.
int64_t Begin(const EdgePlacement& edges, int64_t row) {
  return edges.topology->indptr[static_cast<size_t>(row)];
}

// Rows, and their edges.
int64_t RowsAndEdges(const EdgePlacement& edges, int64_t begin, int64_t end) {
  return end - begin + Begin(edges, end) - Begin(edges, begin);
}

int64_t EdgeWork(const PartFolders& folders, const EdgePlacement& edges) {
  return RowsAndEdges(edges, 0, edges.topology->num_rows()) * folders.rounds();
}

const void* AddressOf(const IdArray& array, int64_t position) {
  return array.Visit([position](const auto* values) {
    return static_cast<const void*>(values + position);
  });
}

// A number for each edge: number_of(position), below `end`.
template <typename NumberOf>
Step SplitEdgeNumbers(const PartFolders& folders, const EdgePlacement& edges,
                      const IdArray& mapped, int64_t end, std::string file,
                      NumberOf number_of) {
  const auto run = [&folders, &edges, &mapped, end, file = std::move(file),
                    number_of](const Advance& advance) {
    PageReleaser releaser(mapped.empty() ? nullptr : AddressOf(mapped, 0));
    return WriteToParts(
        folders, edges.topology->num_rows(), *edges.rows->book,
        IdOfRow(*edges.rows),
        [&](uint32_t part) {
          return IdWriter::Create(folders.Path(part, file),
                                  edges.parts[part].count, end);
        },
        [&](IdWriter& writer, uint32_t /*part*/, int64_t row) -> absl::Status {
          const int64_t row_end = Begin(edges, row + 1);
          for (int64_t i = Begin(edges, row); i < row_end; ++i) {
            FAIRLEAD_RETURN_IF_ERROR(writer.Append(number_of(i)));
          }
          return absl::OkStatus();
        },
        [&](int64_t begin, int64_t end) {
          advance(RowsAndEdges(edges, begin, end));
          if (mapped.empty()) return;
          releaser.ReleaseBefore(AddressOf(mapped, Begin(edges, end)));
        });
  };
  return {.work = EdgeWork(folders, edges), .run = run};
}

template <typename Element>
Step SplitEdgeElements(const PartFolders& folders, const EdgePlacement& edges,
                       absl::Span<const Element> elements,
                       absl::string_view dtype, std::string file) {
  const auto run = [&folders, &edges, elements, dtype,
                    file = std::move(file)](const Advance& advance) {
    PageReleaser releaser(elements.data());
    return WriteToParts(
        folders, edges.topology->num_rows(), *edges.rows->book,
        IdOfRow(*edges.rows),
        [&](uint32_t part) {
          return NpyWriter::Create(folders.Path(part, file), dtype,
                                   {edges.parts[part].count});
        },
        [&](NpyWriter& writer, uint32_t /*part*/, int64_t row) {
          const int64_t begin = Begin(edges, row);
          const auto count = static_cast<size_t>(Begin(edges, row + 1) - begin);
          return writer.Append(elements.data() + begin,
                               count * sizeof(Element));
        },
        [&](int64_t begin, int64_t end) {
          advance(RowsAndEdges(edges, begin, end));
          releaser.ReleaseBefore(elements.data() + Begin(edges, end));
        });
  };
  return {.work = EdgeWork(folders, edges), .run = run};
}

}  // namespace

Step SplitRows(const PartFolders& folders, const RowPlacement& rows,
               RowArray array, std::string file) {
  const auto run = [&folders, &rows, array = std::move(array),
                    file = std::move(file)](const Advance& advance) {
    PageReleaser releaser(array.data);
    return WriteToParts(
        folders, rows.ids->size(), *rows.book, IdOfRow(rows),
        [&](uint32_t part) {
          std::vector<int64_t> shape = {rows.parts[part].count};
          shape.insert(shape.end(), array.row_shape.begin(),
                       array.row_shape.end());
          return NpyWriter::Create(folders.Path(part, file), array.dtype,
                                   shape);
        },
        [&](NpyWriter& writer, uint32_t /*part*/, int64_t row) {
          return writer.Append(array.data + row * array.row_bytes,
                               static_cast<size_t>(array.row_bytes));
        },
        [&](int64_t begin, int64_t end) {
          advance(end - begin);
          releaser.ReleaseBefore(array.data + end * array.row_bytes);
        });
  };
  return {.work = rows.ids->size() * folders.rounds(), .run = run};
}

Step SplitIds(const PartFolders& folders, const RowPlacement& rows,
              std::string file) {
  const auto run = [&folders, &rows,
                    file = std::move(file)](const Advance& advance) {
    return WriteToParts(
        folders, rows.ids->size(), *rows.book, IdOfRow(rows),
        [&](uint32_t part) {
          return NpyWriter::Create(folders.Path(part, file), "i8",
                                   {rows.parts[part].count});
        },
        [&](NpyWriter& writer, uint32_t /*part*/, int64_t row) {
          const int64_t id = rows.ids->Id(row);
          return writer.Append(&id, sizeof(id));
        },
        [&](int64_t begin, int64_t end) { advance(end - begin); });
  };
  return {.work = rows.ids->size() * folders.rounds(), .run = run};
}

Step SplitIdList(const PartFolders& folders, const PartitionBook& book,
                 absl::Span<const int64_t> ids, std::string file) {
  const auto run = [&folders, &book, ids,
                    file = std::move(file)](const Advance& advance) {
    const auto size = static_cast<int64_t>(ids.size());
    const auto id_of = [ids](int64_t i) { return ids[static_cast<size_t>(i)]; };
    std::vector<int64_t> counts(book.num_partitions(), 0);
    FAIRLEAD_RETURN_IF_ERROR(
        ForEachBlock(size, book, id_of, [&](int64_t, const auto& owners) {
          for (const uint32_t owner : owners) ++counts[owner];
          return absl::OkStatus();
        }));
    return WriteToParts(
        folders, size, book, id_of,
        [&](uint32_t part) {
          return NpyWriter::Create(folders.Path(part, file), "i8",
                                   {counts[part]});
        },
        [&](NpyWriter& writer, uint32_t /*part*/, int64_t i) {
          const int64_t id = id_of(i);
          return writer.Append(&id, sizeof(id));
        },
        [&](int64_t begin, int64_t end) { advance(end - begin); });
  };
  return {.work = static_cast<int64_t>(ids.size()) * folders.rounds(),
          .run = run};
}

EdgePlacement PlaceEdges(const RowPlacement& rows, const Topology& topology) {
  EdgePlacement edges{.rows = &rows, .topology = &topology, .parts = {}};
  edges.parts.resize(rows.parts.size());
  // Nothing in it can fail.
  static_cast<void>(ForEachBlock(
      topology.num_rows(), *rows.book, IdOfRow(rows),
      [&](int64_t first, absl::Span<const uint32_t> owners) {
        for (size_t i = 0; i < owners.size(); ++i) {
          const int64_t row = first + static_cast<int64_t>(i);
          const int64_t begin = Begin(edges, row);
          edges.parts[owners[i]].Add(begin, Begin(edges, row + 1) - begin);
        }
        return absl::OkStatus();
      }));
  return edges;
}

Step SplitIndptr(const PartFolders& folders, const EdgePlacement& edges,
                 std::string file) {
  const auto run = [&folders, &edges,
                    file = std::move(file)](const Advance& advance) {
    const RowPlacement& rows = *edges.rows;
    std::vector<int64_t> ends(folders.parts(), 0);
    return WriteToParts(
        folders, edges.topology->num_rows(), *rows.book, IdOfRow(rows),
        [&](uint32_t part) -> absl::StatusOr<IdWriter> {
          FAIRLEAD_ASSIGN_OR_RETURN(
              IdWriter writer, IdWriter::Create(folders.Path(part, file),
                                                rows.parts[part].count + 1,
                                                edges.parts[part].count + 1));
          FAIRLEAD_RETURN_IF_ERROR(writer.Append(0));
          return writer;
        },
        [&](IdWriter& writer, uint32_t part, int64_t row) {
          ends[part] += Begin(edges, row + 1) - Begin(edges, row);
          return writer.Append(ends[part]);
        },
        [&](int64_t begin, int64_t end) {
          advance(RowsAndEdges(edges, begin, end));
        });
  };
  return {.work = EdgeWork(folders, edges), .run = run};
}

Step SplitIndices(const PartFolders& folders, const EdgePlacement& edges,
                  int64_t end, std::string file) {
  const IdArray& indices = edges.topology->indices;
  return SplitEdgeNumbers(folders, edges, indices, end, std::move(file),
                          [&indices](int64_t position) {
                            return indices[static_cast<size_t>(position)];
                          });
}

Step SplitEdgeIds(const PartFolders& folders, const EdgePlacement& edges,
                  int64_t end, std::string file) {
  const Topology& topology = *edges.topology;
  return SplitEdgeNumbers(
      folders, edges, topology.edge_ids, end, std::move(file),
      [&topology](int64_t position) { return topology.EdgeId(position); });
}

Step SplitWeights(const PartFolders& folders, const EdgePlacement& edges,
                  std::string file) {
  return SplitEdgeElements(folders, edges, edges.topology->weights, "f4",
                           std::move(file));
}

Step SplitTimestamps(const PartFolders& folders, const EdgePlacement& edges,
                     std::string file) {
  return SplitEdgeElements(folders, edges, edges.topology->timestamps, "i8",
                           std::move(file));
}

}  // namespace fairlead
