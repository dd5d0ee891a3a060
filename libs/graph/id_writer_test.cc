#include "libs/graph/id_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/npy.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kTwoTo32 = int64_t{1} << 32;

// A file of this test's own.
std::string Path() {
  return absl::StrCat(
      ::testing::TempDir(), "/",
      ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".npy");
}

TEST(IdWriter, IdsThatFitTake32Bits) {
  ASSERT_THAT(WriteIds(Path(), {0, 7, kTwoTo32 - 1}, kTwoTo32), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(Path()));
  ASSERT_THAT(file.Expect("u4", 1), IsOk());
  EXPECT_THAT(file.As<uint32_t>(), ElementsAre(0, 7, UINT32_MAX));
}

TEST(IdWriter, IdsThatDoNotFitTake64Bits) {
  ASSERT_THAT(WriteIds(Path(), {0, kTwoTo32, kTwoTo32 * 256}, INT64_MAX),
              IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(Path()));
  ASSERT_THAT(file.Expect("i8", 1), IsOk());
  EXPECT_THAT(file.As<int64_t>(), ElementsAre(0, kTwoTo32, kTwoTo32 * 256));
}

TEST(IdWriter, OneIdMoreThan32BitsHoldMakesAllWide) {
  ASSERT_THAT(WriteIds(Path(), {3}, kTwoTo32 + 1), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(Path()));
  EXPECT_EQ(file.dtype(), "i8");
}

TEST(IdWriter, NoIdsAreAFileOfNone) {
  ASSERT_THAT(WriteIds(Path(), {}, 0), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(Path()));
  ASSERT_THAT(file.Expect("u4", 1), IsOk());
  EXPECT_EQ(file.shape()[0], 0);
}

// On both sides of what it buffers, in both widths.
TEST(IdWriter, AppendsAnyNumberInOrder) {
  for (const int64_t end : {kTwoTo32, 2 * kTwoTo32}) {
    for (const int64_t count : {1, 8191, 8192, 8193, 20000}) {
      SCOPED_TRACE(absl::StrCat(count, " ids below ", end));
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(IdWriter writer,
                                    IdWriter::Create(Path(), count, end));
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_THAT(writer.Append(end - 1 - i), IsOk());
      }
      ASSERT_THAT(writer.Finish(), IsOk());
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(Path()));
      ASSERT_EQ(file.shape()[0], count);
      for (int64_t i = 0; i < count; ++i) {
        const auto at = static_cast<size_t>(i);
        ASSERT_EQ(file.dtype() == "u4" ? int64_t{file.As<uint32_t>()[at]}
                                       : file.As<int64_t>()[at],
                  end - 1 - i);
      }
    }
  }
}

TEST(IdWriter, OtherThanAsManyAsWereAnnouncedIsAnError) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(IdWriter fewer,
                                IdWriter::Create(Path(), 3, 100));
  ASSERT_THAT(fewer.Append(1), IsOk());
  EXPECT_THAT(fewer.Finish(), StatusIs(absl::StatusCode::kInternal));

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(IdWriter more,
                                IdWriter::Create(Path(), 1, 100));
  ASSERT_THAT(more.Append(1), IsOk());
  ASSERT_THAT(more.Append(2), IsOk());
  EXPECT_THAT(more.Finish(), StatusIs(absl::StatusCode::kInternal));
}

TEST(IdWriter, FolderThatIsNotThereIsNamed) {
  EXPECT_THAT(
      WriteIds(::testing::TempDir() + "/no_such_folder/ids.npy", {1}, 2),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no_such_folder")));
}

}  // namespace
}  // namespace fairlead
