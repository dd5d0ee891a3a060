#ifndef FAIRLEAD_LIBS_PARTITION_WRITER_TABLE_WRITER_H_
#define FAIRLEAD_LIBS_PARTITION_WRITER_TABLE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace fairlead {

// Writes the table of a TablePartitionBook in any order of ids, in the file
// itself: what does not fit in memory, the kernel writes out. Movable.
class TableWriter {
 public:
  // A table in which every id is nobody's. As WritePartitionTable.
  static absl::StatusOr<TableWriter> Create(const std::string& path,
                                            int64_t num_ids,
                                            uint32_t num_partitions);

  TableWriter(TableWriter&& other) noexcept;
  TableWriter& operator=(TableWriter&&) = delete;
  ~TableWriter();

  // REQUIRES 0 <= id < num_ids and owner < num_partitions.
  void Set(int64_t id, uint32_t owner) {
    const auto index = static_cast<size_t>(id);
    switch (element_bytes_) {
      case 1:
        data_[index] = static_cast<uint8_t>(owner);
        return;
      case 2:
        reinterpret_cast<uint16_t*>(data_)[index] =
            static_cast<uint16_t>(owner);
        return;
      default:
        reinterpret_cast<uint32_t*>(data_)[index] = owner;
    }
  }

 private:
  TableWriter() = default;

  void* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  uint8_t* data_ = nullptr;
  size_t element_bytes_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PARTITION_WRITER_TABLE_WRITER_H_
