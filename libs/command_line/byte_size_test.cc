#include "libs/command_line/byte_size.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ByteSizeTest, ReadsSizesAsPeopleWriteThem) {
  const struct {
    const char* text;
    uint64_t bytes;
  } cases[] = {{"4096", 4096},
               {"64MB", 67108864},
               {"1.5G", 1610612736},
               {"256k", 262144},
               {"5B", 5},
               {"0", 0},
               {"4TB", uint64_t{4} << 40},
               {"1gb", uint64_t{1} << 30}};
  for (const auto& c : cases) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ByteSize size, ParseByteSize(c.text));
    EXPECT_EQ(size.bytes, c.bytes) << c.text;
  }
}

TEST(ByteSizeTest, OtherTextIsRefusedByName) {
  for (const char* bad : {"", "MB", "-1", "inf", "1e400", "4 GB", "4XB",
                          "99999999TB", "+3", "1.5", "0x10"}) {
    EXPECT_THAT(ParseByteSize(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("is no size")))
        << bad;
  }
}

TEST(ByteSizeTest, WholeNumbersAreExact) {
  // A double has no 2^53 + 1.
  const uint64_t odd = (uint64_t{1} << 53) + 1;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ByteSize size,
                                ParseByteSize("9007199254740993"));
  EXPECT_EQ(size.bytes, odd);
}

TEST(ByteSizeTest, FlagTextReadsBackAsTheSameSize) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{5}, uint64_t{1} << 20,
                               uint64_t{3} << 30, (uint64_t{1} << 20) + 1}) {
    ByteSize size;
    std::string error;
    ASSERT_TRUE(AbslParseFlag(AbslUnparseFlag(ByteSize(bytes)), &size, &error));
    EXPECT_EQ(size.bytes, bytes);
  }
}

}  // namespace
}  // namespace fairlead
