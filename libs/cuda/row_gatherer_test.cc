// Rows as kernels gather them, thread by thread on the CPU, against
// libs/graph's: the same bytes.

#include "libs/cuda/row_gatherer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/cuda/emulated_executor.h"
#include "libs/cuda/fake_memory.h"
#include "libs/cuda/graph_view.h"
#include "libs/cuda/row_plan.h"
#include "libs/cuda/unified_table.h"
#include "libs/graph/element_type.h"
#include "libs/graph/id_space.h"
#include "libs/graph/table.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead::cuda {
namespace {

using ::fairlead::cuda::testing::EmulatedExecutor;
using ::fairlead::cuda::testing::FakeMemory;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

// A table, where the CPU's gather has it and where kernels do.
class BothTables {
 public:
  // Ids from 5 on, or every third one.
  BothTables(int64_t rows, int64_t row_bytes, bool ids_are_list)
      : bytes_(static_cast<size_t>(rows * row_bytes)), row_bytes_(row_bytes) {
    RandomStream random(9, static_cast<uint64_t>(row_bytes), 0);
    for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(random.Next32());
    cpu_.table = {.element_type = ElementType::kUint8,
                  .rows = rows,
                  .columns = row_bytes,
                  .data = bytes_.data()};
    cpu_.ids = IdSpace::Range(5, rows);
    ids_ = {.first = 5, .size = rows};
    if (!ids_are_list) return;
    for (int64_t i = 0; i < rows; ++i) list_.push_back(5 + 3 * i);
    cpu_.ids = *IdSpace::List(list_, "ids");
    ids_.list = list_.data();
  }

  absl::StatusOr<UnifiedTable> Place(const std::vector<uint64_t>& heat,
                                     uint64_t hot_rows, FakeMemory& device,
                                     FakeMemory& host) const {
    const uint64_t stride = UnifiedTable::Stride(row_bytes_);
    FAIRLEAD_ASSIGN_OR_RETURN(const RowPlan plan,
                              PlanRows(heat, stride, hot_rows * stride));
    return UnifiedTable::Create(
        {.data = bytes_.data(), .row_bytes = row_bytes_, .ids = ids_}, plan,
        device.memory(), host.memory());
  }

  const RowStore& cpu() const { return cpu_; }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<int64_t> list_;
  int64_t row_bytes_;
  RowStore cpu_;
  RowIds ids_;
};

TEST(RowGatherer, RowsAreTheCpusOwnWhereverTheyLie) {
  using Order = EmulatedExecutor::Order;
  for (const int64_t row_bytes :
       {1, 2, 3, 4, 6, 7, 8, 12, 15, 16, 17, 20, 24, 32, 33, 48, 100, 512}) {
    for (uint64_t trial = 0; trial < 8; ++trial) {
      SCOPED_TRACE(absl::StrCat(row_bytes, " bytes a row, trial ", trial));
      RandomStream random(trial, 3, 0);
      const auto rows = static_cast<int64_t>(1 + random.Below(60));
      const BothTables both(rows, row_bytes, trial % 2 == 1);
      std::vector<uint64_t> heat(static_cast<size_t>(rows));
      for (uint64_t& h : heat) h = random.Below(7);
      FakeMemory device;
      FakeMemory host;
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const UnifiedTable table,
          both.Place(heat, random.Below(static_cast<uint64_t>(rows) + 2),
                     device, host));

      std::vector<int64_t> ids(random.Below(100));
      for (int64_t& id : ids) {
        id = both.cpu().ids.Id(
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(rows))));
      }
      const size_t bytes = ids.size() * static_cast<size_t>(row_bytes);
      // Off any alignment, and a guard before and behind.
      for (const size_t offset : {size_t{16}, size_t{20}, size_t{17}}) {
        alignas(16) uint8_t expected[64 + 100 * 512];
        alignas(16) uint8_t actual[64 + 100 * 512];
        std::fill(std::begin(expected), std::end(expected), uint8_t{0x5A});
        std::fill(std::begin(actual), std::end(actual), uint8_t{0x5A});
        ASSERT_THAT(
            both.cpu().Gather(ids, absl::MakeSpan(expected + offset, bytes)),
            IsOk());
        EmulatedExecutor executor(Order::kShuffled, trial);
        RowGatherer gatherer(&executor, table.view());
        ASSERT_THAT(gatherer.Start(ids.data(), static_cast<int64_t>(ids.size()),
                                   actual + offset),
                    IsOk());
        ASSERT_THAT(gatherer.Finish(), IsOk());
        ASSERT_TRUE(std::equal(std::begin(expected), std::end(expected),
                               std::begin(actual)))
            << "offset " << offset;
      }
    }
  }
}

TEST(RowGatherer, HotRowsAreOnTheDeviceAndTheRestOnTheHost) {
  const BothTables both(10, 20, false);
  const std::vector<uint64_t> heat = {0, 0, 9, 0, 0, 0, 0, 8, 0, 0};
  FakeMemory device;
  FakeMemory host;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const UnifiedTable table,
                                both.Place(heat, 2, device, host));
  for (int64_t row = 0; row < 10; ++row) {
    const uint8_t* const at = table.view().RowAt(row);
    EXPECT_EQ(device.Has(at, 32), row == 2 || row == 7);
    EXPECT_EQ(host.Has(at, 32), row != 2 && row != 7);
  }
  EXPECT_EQ(device.bytes(), 2 * 32 + 10 * 4u);
  EXPECT_EQ(host.bytes(), 8 * 32u);
}

TEST(RowGatherer, IdWithoutARowIsAnErrorThatNamesTheFirst) {
  const BothTables both(10, 8, false);
  FakeMemory device;
  FakeMemory host;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const UnifiedTable table,
      both.Place(std::vector<uint64_t>(10), 5, device, host));
  EmulatedExecutor executor(EmulatedExecutor::Order::kBackward);
  RowGatherer gatherer(&executor, table.view());
  const std::vector<int64_t> ids = {5, 4, 14, 15, -1};
  uint8_t out[40];
  ASSERT_THAT(gatherer.Start(ids.data(), 5, out), IsOk());
  EXPECT_THAT(gatherer.Finish(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id 4")));
  ASSERT_THAT(gatherer.Start(ids.data(), 1, out), IsOk());
  EXPECT_THAT(gatherer.Finish(), IsOk());
}

TEST(UnifiedTable, PlanOfAnotherTableAndDeviceThatIsFullAreErrors) {
  const BothTables both(10, 8, false);
  FakeMemory device(100);
  FakeMemory host;
  EXPECT_THAT(
      both.Place(std::vector<uint64_t>(9), 5, device, host),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("9 of them")));
  EXPECT_THAT(both.Place(std::vector<uint64_t>(10), 5, device, host),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(device.bytes(), 0u);
  EXPECT_EQ(host.bytes(), 0u);
}

}  // namespace
}  // namespace fairlead::cuda
