#include "libs/partition_writer/table_writer.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/npy.h"
#include "libs/graph/partition_book.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;

TEST(TableWriter, WritesInAnyOrderAndLeavesTheRestToNobody) {
  for (const uint32_t partitions : {1U, 255U, 256U, 65535U, 65536U, 1U << 20}) {
    const std::string path = ::testing::TempDir() + "/table.npy";
    {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(TableWriter writer,
                                    TableWriter::Create(path, 5, partitions));
      writer.Set(4, 0);
      writer.Set(1, partitions - 1);
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto book,
                                  TablePartitionBook::Open(path, partitions));
    EXPECT_EQ(book.num_ids(), 5);
    std::vector<uint32_t> owners(5);
    EXPECT_THAT(book.PartitionOf({0, 1, 2, 3, 4}, absl::MakeSpan(owners)),
                StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(owners, ElementsAre(kNoPartition, partitions - 1, kNoPartition,
                                    kNoPartition, 0));
  }
}

TEST(TableWriter, IsAsWideAsTheTableThatIsWrittenAtOnce) {
  for (const uint32_t partitions : {255U, 256U, 65535U, 65536U}) {
    const std::string path = ::testing::TempDir() + "/table.npy";
    ASSERT_THAT(TableWriter::Create(path, 3, partitions).status(), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile by_writer, NpyFile::Open(path));
    const std::string other = ::testing::TempDir() + "/other.npy";
    ASSERT_THAT(WritePartitionTable(other, partitions, {0, 0, 0}), IsOk());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile at_once, NpyFile::Open(other));
    EXPECT_EQ(by_writer.dtype(), at_once.dtype());
  }
}

TEST(TableWriter, NamesThePathThatCannotBeWritten) {
  EXPECT_THAT(
      TableWriter::Create(::testing::TempDir() + "/none/table.npy", 3, 2)
          .status(),
      StatusIs(absl::StatusCode::kUnavailable,
               ::testing::HasSubstr("none/table.npy")));
}

}  // namespace
}  // namespace fairlead
