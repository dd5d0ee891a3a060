#ifndef FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_TEST_UTIL_H_
#define FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_TEST_UTIL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/graph/partition_book.h"

// Partition books in a line, for their tests.
namespace fairlead::testing {

inline std::string TempPath(const std::string& name) {
  return absl::StrCat(::testing::TempDir(), "/", name, ".npy");
}

inline RangePartitionBook Range(std::vector<int64_t> bounds) {
  return *RangePartitionBook::Create(std::move(bounds));
}

inline TablePartitionBook Table(const std::string& name,
                                uint32_t num_partitions,
                                const std::vector<uint32_t>& owners) {
  const absl::Status status =
      WritePartitionTable(TempPath(name), num_partitions, owners);
  EXPECT_TRUE(status.ok()) << status;
  return *TablePartitionBook::Open(TempPath(name), num_partitions);
}

// What PartitionOf answers, and what it says of it.
struct Owners {
  absl::Status status;
  std::vector<uint32_t> owners;
};

inline Owners OwnersOf(const PartitionBook& book,
                       const std::vector<int64_t>& ids) {
  Owners result;
  result.owners.assign(ids.size(), 12345);
  result.status = book.PartitionOf(ids, absl::MakeSpan(result.owners));
  return result;
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_GRAPH_PARTITION_BOOK_TEST_UTIL_H_
