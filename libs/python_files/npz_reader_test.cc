#include "libs/python_files/npz_reader.h"

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::AsShared;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Le;
using ::fairlead::testing::MakeNpy;
using ::fairlead::testing::MakeZip;
using ::fairlead::testing::Overwritten;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteTestFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

std::string ThreeIds() { return Le(1, 8) + Le(2, 8) + Le(3, 8); }

absl::StatusOr<NpzArray> ReadX(const std::string& file) {
  const absl::StatusOr<NpzReader> npz =
      NpzReader::Parse(AsShared(file), "some.npz");
  if (!npz.ok()) return npz.status();
  return npz->Read("x");
}

TEST(NpzReader, NamesItsArraysAsNumpyDoes) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpzReader npz,
      NpzReader::Parse(AsShared(MakeZip({.members = {{"arr_0.npy", ""},
                                                     {"a/b.npy", ""},
                                                     {"notes.txt", ""}}})),
                       "some.npz"));
  EXPECT_THAT(npz.names(), ElementsAre("arr_0", "a/b"));
}

// A member's place in the file follows from the lengths of names before it.
TEST(NpzReader, AlignsArraysWhereverTheyAre) {
  for (size_t length = 1; length <= 9; ++length) {
    for (const bool deflated : {false, true}) {
      FAIRLEAD_ASSERT_OK_AND_ASSIGN(
          const NpzArray x,
          ReadX(
              MakeZip({.members = {{std::string(length, 'n'), ""},
                                   {.name = "x.npy",
                                    .data = MakeNpy("<i8", "(3,)", ThreeIds()),
                                    .deflated = deflated}}})));
      EXPECT_THAT(x.Expect("i8", 1), IsOk());
      EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data.span.data()) % 8, 0);
      EXPECT_THAT(x.As<int64_t>(), ElementsAre(1, 2, 3));
    }
  }
}

TEST(NpzReader, ArraysOutliveTheReader) {
  const std::string path = WriteTestFile(
      "outlive.npz",
      MakeZip({.members = {{"x.npy", MakeNpy("<i8", "(3,)", ThreeIds())}}}));
  NpzArray x;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(path));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(x, npz.Read("x"));
  }
  EXPECT_THAT(x.As<int64_t>(), ElementsAre(1, 2, 3));
}

TEST(NpzReader, ReadsScalarsAndEmptyArrays) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpzArray scalar,
      ReadX(MakeZip({.members = {{"x.npy", MakeNpy("<i8", "()", Le(7, 8))}}})));
  EXPECT_THAT(scalar.shape, ElementsAre());
  EXPECT_THAT(scalar.As<int64_t>(), ElementsAre(7));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpzArray empty,
      ReadX(MakeZip({.members = {{"x.npy", MakeNpy("<f4", "(0, 3)", "")}}})));
  EXPECT_THAT(empty.shape, ElementsAre(0, 3));
  EXPECT_THAT(empty.As<float>(), ElementsAre());
}

TEST(NpzReader, ExpectNamesFileAndMember) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpzArray x,
      ReadX(MakeZip(
          {.members = {{"x.npy", MakeNpy("<i8", "(3,)", ThreeIds())}}})));
  EXPECT_THAT(x.Expect("f4", 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("some.npz: member \"x.npy\""),
                             HasSubstr("must be f4 with 2 dimensions"))));
}

struct BadNpz {
  const char* name;
  std::string file;
  absl::StatusCode code;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadNpz& bad) {
  return out << bad.name;
}

class BadNpzFile : public ::testing::TestWithParam<BadNpz> {};

TEST_P(BadNpzFile, IsRefusedInOneLineThatNamesIt) {
  EXPECT_THAT(ReadX(GetParam().file),
              StatusIs(GetParam().code, AllOf(HasSubstr("some.npz: "),
                                              HasSubstr(GetParam().says),
                                              Not(HasSubstr("\n")))));
}

std::string WithX(const std::string& npy, bool deflated = false) {
  return MakeZip(
      {.members = {{.name = "x.npy", .data = npy, .deflated = deflated}}});
}

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

INSTANTIATE_TEST_SUITE_P(
    All, BadNpzFile,
    ::testing::Values(
        BadNpz{"npy", MakeNpy("<i8", "(3,)", ThreeIds()),
               absl::StatusCode::kDataLoss, "no zip file"},
        BadNpz{"no_x", MakeZip({.members = {{"y.npy", ""}}}),
               absl::StatusCode::kNotFound, "x.npy"},
        BadNpz{"no_npy", WithX("1,2,3"), kInvalid, "no .npy file"},
        BadNpz{"empty_npy", WithX(""), kInvalid, "no .npy file"},
        BadNpz{"cut_short",
               WithX(MakeNpy("<i8", "(3,)", ThreeIds()).substr(0, 140), true),
               kInvalid, "truncated"},
        BadNpz{"objects", WithX(MakeNpy("|O", "(1,)", ThreeIds())), kInvalid,
               "no plain number"},
        BadNpz{"text", WithX(MakeNpy("<U6", "(1,)", ThreeIds())), kInvalid,
               "no plain number"},
        BadNpz{"odd_width", WithX(MakeNpy("<i3", "(8,)", ThreeIds())), kInvalid,
               "no plain number"},
        BadNpz{"newline_in_dtype", WithX(MakeNpy("<i\n", "(8,)", ThreeIds())),
               kInvalid, "no plain number"},
        BadNpz{"big_endian", WithX(MakeNpy(">i8", "(3,)", ThreeIds())),
               kInvalid, "big-endian"},
        BadNpz{"negative_shape", WithX(MakeNpy("<i8", "(-3,)", ThreeIds())),
               kInvalid, "damaged"},
        BadNpz{"huge_shape",
               WithX(MakeNpy("<i8", "(4294967296, 4294967296)", "")), kInvalid,
               "damaged"},
        BadNpz{"damaged",
               Overwritten(WithX(MakeNpy("<i8", "(3,)", ThreeIds())), 60, "\7"),
               absl::StatusCode::kDataLoss, "CRC-32"}),
    [](const TestParamInfo<BadNpz>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
