#include "libs/graph/npy.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::TestParamInfo;

std::string TempPath(const std::string& name) {
  return absl::StrCat(::testing::TempDir(), "/", name, ".npy");
}

std::string WriteFile(const std::string& name, const std::string& bytes) {
  std::ofstream(TempPath(name), std::ios::binary) << bytes;
  return TempPath(name);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A file by the letter of the format's specification, not by our writer.
std::string Npy(int version, const std::string& dictionary,
                const std::string& data) {
  const size_t length_bytes = version == 1 ? 2 : 4;
  std::string header = dictionary;
  while ((8 + length_bytes + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  for (size_t i = 0; i < length_bytes; ++i) {
    file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return file + header + data;
}

std::string Dictionary(const std::string& descr, const std::string& shape,
                       const std::string& fortran = "False") {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': ", fortran,
                      ", 'shape': ", shape, ", }");
}

// Three int64: 1, 2, 3.
std::string ThreeIds() {
  std::string data(24, '\0');
  for (int i = 0; i < 3; ++i) data[8 * i] = static_cast<char>(i + 1);
  return data;
}

TEST(NpyFile, ReadsVersions1To3) {
  for (int version = 1; version <= 3; ++version) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const NpyFile file,
        NpyFile::Open(
            WriteFile(absl::StrCat("v", version),
                      Npy(version, Dictionary("<i8", "(3,)"), ThreeIds()))));
    EXPECT_EQ(file.dtype(), "i8");
    EXPECT_THAT(file.shape(), ElementsAre(3));
    EXPECT_THAT(file.As<int64_t>(), ElementsAre(1, 2, 3));
  }
}

TEST(NpyFile, KeepsItsArrayWhenMoved) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      NpyFile from,
      NpyFile::Open(
          WriteFile("moved", Npy(1, Dictionary("<i8", "(3,)"), ThreeIds()))));
  const uint8_t* const data = from.data();
  const NpyFile to(std::move(from));
  EXPECT_EQ(to.data(), data);
  EXPECT_THAT(to.As<int64_t>(), ElementsAre(1, 2, 3));
}

TEST(NpyFile, ReadsScalarsAndEmptyArrays) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpyFile scalar,
      NpyFile::Open(WriteFile(
          "scalar", Npy(1, Dictionary("<f4", "()"), std::string(4, '\0')))));
  EXPECT_THAT(scalar.shape(), IsEmpty());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpyFile empty,
      NpyFile::Open(
          WriteFile("empty", Npy(1, Dictionary("<f4", "(0, 128)"), ""))));
  EXPECT_THAT(empty.shape(), ElementsAre(0, 128));
}

TEST(NpyFile, SaysWhichFileIsMissing) {
  EXPECT_THAT(NpyFile::Open(TempPath("missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.npy")));
}

TEST(NpyFile, RefusesAFolder) {
  EXPECT_THAT(
      NpyFile::Open(::testing::TempDir()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no .npy file")));
}

TEST(NpyFile, NamesTheBytesExpectedAndFoundWhenTruncated) {
  const std::string whole = Npy(1, Dictionary("<i8", "(3,)"), ThreeIds());
  EXPECT_THAT(
      NpyFile::Open(WriteFile("cut", whole.substr(0, whole.size() - 1))),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("cut.npy"), HasSubstr("24 bytes"),
                     HasSubstr("there are 23"))));
}

// Wherever a file ends too early, it is said, and nothing past it is read.
TEST(NpyFile, RefusesEveryProperPrefixOfAFile) {
  for (const int version : {1, 2}) {
    const std::string whole =
        Npy(version, Dictionary("<i8", "(3,)"), ThreeIds());
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(NpyFile::Open(WriteFile("prefix", whole.substr(0, size))),
                  StatusIs(absl::StatusCode::kInvalidArgument))
          << "the first " << size << " bytes of version " << version;
    }
  }
}

struct BadFile {
  const char* name;
  std::string bytes;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadFile& bad) {
  return out << bad.name;
}

class BadNpyFile : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadNpyFile, IsRefusedInOneLineThatNamesIt) {
  const std::string path =
      WriteFile(absl::StrCat("bad_", GetParam().name), GetParam().bytes);
  EXPECT_THAT(NpyFile::Open(path),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path), HasSubstr(GetParam().says),
                             Not(HasSubstr("\n")))));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadNpyFile,
    ::testing::Values(
        BadFile{"text", "node,feature\n1,2\n3,4\n", "no .npy file"},
        BadFile{"version4", Npy(4, Dictionary("<i8", "(3,)"), ThreeIds()),
                "no .npy file"},
        BadFile{"fortran",
                Npy(1, Dictionary("<i8", "(3, 1)", "True"), ThreeIds()),
                "ascontiguousarray"},
        BadFile{"big_endian", Npy(1, Dictionary(">i8", "(3,)"), ThreeIds()),
                "big-endian"},
        BadFile{"object", Npy(1, Dictionary("|O8", "(3,)"), ThreeIds()),
                "no plain number"},
        BadFile{"text_dtype", Npy(1, Dictionary("<U6", "(1,)"), ThreeIds()),
                "no plain number"},
        BadFile{"complex", Npy(1, Dictionary("<c8", "(3,)"), ThreeIds()),
                "no plain number"},
        BadFile{"structured",
                Npy(1,
                    "{'descr': [('a', '<i8')], 'fortran_order': False, "
                    "'shape': (3,), }",
                    ThreeIds()),
                "no plain number"},
        BadFile{"no_dictionary", Npy(1, "", ThreeIds()), "cannot be read"},
        BadFile{
            "no_shape",
            Npy(1, "{'descr': '<i8', 'fortran_order': False, }", ThreeIds()),
            "cannot be read"},
        BadFile{"shape_text", Npy(1, Dictionary("<i8", "(three,)"), ThreeIds()),
                "cannot be read"},
        BadFile{"negative_shape",
                Npy(1, Dictionary("<i8", "(-3,)"), ThreeIds()), "damaged"},
        BadFile{"huge_shape",
                Npy(1, Dictionary("<i8", "(4294967296, 4294967296)"), ""),
                "damaged"},
        BadFile{"wrapping_shape",
                Npy(1, Dictionary("<i8", "(2305843009213693952,)"), ""),
                "damaged"},
        BadFile{"longer_than_shape",
                Npy(1, Dictionary("<i8", "(2,)"), ThreeIds()), "there are 24"}),
    [](const TestParamInfo<BadFile>& info) {
      return std::string(info.param.name);
    });

TEST(NpyFile, RefusesDataOffItsAlignment) {
  std::string file = Npy(1, Dictionary("<i8", "(3,)"), ThreeIds());
  // One space of padding fewer: every number starts one byte early.
  file.erase(file.find("}") + 1, 1);
  --file[8];
  EXPECT_THAT(
      NpyFile::Open(WriteFile("unaligned", file)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not aligned")));
}

TEST(NpyFile, ExpectNamesWhatIsThereAndWhatMustBe) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const NpyFile file,
      NpyFile::Open(
          WriteFile("doubles", Npy(1, Dictionary("<f8", "(3,)"), ThreeIds()))));
  EXPECT_THAT(file.Expect("f8", 1), IsOk());
  EXPECT_THAT(
      file.Expect("f4", 2),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("doubles.npy"), HasSubstr("f8 of shape (3)"),
                     HasSubstr("must be f4 with 2 dimensions"))));
}

TEST(NpyWriter, WritesWhatTheFormatSays) {
  const std::string path = TempPath("written");
  const std::vector<int64_t> values = {1, 2, 3};
  ASSERT_THAT(WriteNpy<int64_t>(path, "i8", {3}, values), IsOk());
  EXPECT_EQ(ReadFile(path), Npy(1, Dictionary("<i8", "(3,)"), ThreeIds()));
}

TEST(NpyWriter, TakesRowsOneByOne) {
  const std::string path = TempPath("rows");
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(NpyWriter writer,
                                  NpyWriter::Create(path, "f4", {3, 2}));
    for (int row = 0; row < 3; ++row) {
      const float values[] = {row + 0.25F, row + 0.5F};
      ASSERT_THAT(writer.Append(values, sizeof(values)), IsOk());
    }
    ASSERT_THAT(writer.Finish(), IsOk());
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const NpyFile file, NpyFile::Open(path));
  EXPECT_THAT(file.shape(), ElementsAre(3, 2));
  EXPECT_THAT(
      absl::MakeConstSpan(reinterpret_cast<const float*>(file.data()), 6),
      ElementsAre(0.25F, 0.5F, 1.25F, 1.5F, 2.25F, 2.5F));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.data()) % 64, 0);
}

TEST(NpyWriter, RefusesMoreOrLessThanItsShape) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      NpyWriter writer, NpyWriter::Create(TempPath("count"), "i8", {1}));
  EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kInternal,
                                        HasSubstr("8 bytes fewer")));
  const int64_t two[] = {1, 2};
  EXPECT_THAT(writer.Append(two, sizeof(two)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("more")));
}

TEST(NpyWriter, SaysWhereItCannotWrite) {
  EXPECT_THAT(NpyWriter::Create(TempPath("no/such/folder"), "i8", {1}),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no/such/folder.npy")));
}

}  // namespace
}  // namespace fairlead
