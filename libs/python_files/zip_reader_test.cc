#include "libs/python_files/zip_reader.h"

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::AsShared;
using ::fairlead::testing::HeaderAt;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Le;
using ::fairlead::testing::MakeZip;
using ::fairlead::testing::Overwritten;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestMember;
using ::fairlead::testing::TestZip;
using ::fairlead::testing::WriteTestFile;
using ::fairlead::testing::ZipHeader;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

std::string Text(const SharedBytes& bytes) {
  return {bytes.span.begin(), bytes.span.end()};
}

// What `member` reads as, or why not.
absl::StatusOr<std::string> ReadMember(const std::string& zip,
                                       const std::string& member,
                                       const ZipOptions& options = {}) {
  const absl::StatusOr<ZipReader> reader =
      ZipReader::Parse(AsShared(zip), "some.zip", options);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<SharedBytes> bytes = reader->Read(member);
  if (!bytes.ok()) return bytes.status();
  return Text(*bytes);
}

std::string Ab() {
  return MakeZip({.members = {{.name = "a", .data = "first"},
                              {.name = "b", .data = "second"}}});
}

TEST(ZipReader, ReadsStoredMembersWhereTheyAre) {
  const SharedBytes file = AsShared(Ab());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ZipReader zip,
                                ZipReader::Parse(file, "some.zip"));
  ASSERT_EQ(zip.members().size(), 2);
  EXPECT_EQ(zip.members()[1].name, "b");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const SharedBytes b, zip.Read("b"));
  EXPECT_EQ(Text(b), "second");
  EXPECT_GE(b.span.data(), file.span.data());
  EXPECT_LT(b.span.data(), file.span.data() + file.span.size());
}

TEST(ZipReader, ReadsEveryKindOfMember) {
  const std::string data(100'000, 'x');
  for (const bool deflated : {false, true}) {
    for (const bool streamed : {false, true}) {
      for (const bool zip64 : {false, true}) {
        const TestMember member = {.name = "m",
                                   .data = data,
                                   .deflated = deflated,
                                   .streamed = streamed,
                                   .zip64 = zip64};
        EXPECT_THAT(ReadMember(MakeZip({.members = {{"before", "1"}, member},
                                        .comment = "PK\x05\x06 no end",
                                        .zip64 = zip64}),
                               "m"),
                    ::fairlead::testing::IsOkAndHolds(data))
            << "deflated " << deflated << ", streamed " << streamed
            << ", zip64 " << zip64;
      }
    }
  }
}

TEST(ZipReader, ReadsAnEmptyArchiveAndEmptyMembers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const ZipReader zip, ZipReader::Parse(AsShared(MakeZip({})), "some.zip"));
  EXPECT_TRUE(zip.members().empty());
  for (const bool deflated : {false, true}) {
    EXPECT_THAT(
        ReadMember(MakeZip({.members = {{.name = "e", .deflated = deflated}}}),
                   "e"),
        ::fairlead::testing::IsOkAndHolds(""));
  }
}

TEST(ZipReader, MembersOutliveTheReader) {
  const std::string path = WriteTestFile(
      "outlive.zip",
      MakeZip(
          {.members = {{.name = "s", .data = "stored"},
                       {.name = "d", .data = "deflated", .deflated = true}}}));
  SharedBytes stored;
  SharedBytes deflated;
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const ZipReader zip, ZipReader::Open(path));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(stored, zip.Read("s"));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(deflated, zip.Read("d"));
  }
  EXPECT_EQ(Text(stored), "stored");
  EXPECT_EQ(Text(deflated), "deflated");
}

TEST(ZipReader, SaysWhichFileOrMemberIsMissing) {
  EXPECT_THAT(ZipReader::Open("/no/such.zip"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.zip")));
  EXPECT_THAT(ReadMember(Ab(), "c"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("\"c\""), HasSubstr("\"a\""))));
}

TEST(ZipReader, RefusesAFolderAndAnEmptyFile) {
  EXPECT_THAT(ZipReader::Open(::testing::TempDir()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ZipReader::Open(WriteTestFile("empty.zip", "")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("empty.zip")));
}

TEST(ZipReader, InflatesNoMoreThanAllowed) {
  const std::string zip = MakeZip(
      {.members = {
           {.name = "d", .data = std::string(1000, 'x'), .deflated = true}}});
  EXPECT_THAT(ReadMember(zip, "d", {.max_inflated_bytes = 1000}), IsOk());
  EXPECT_THAT(ReadMember(zip, "d", {.max_inflated_bytes = 999}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("\"d\""), HasSubstr("999"))));
}

TEST(ZipReader, TakesWrongSumsWhereToldTo) {
  const std::string zip = Overwritten(Ab(), Ab().find("first"), "FIRST");
  EXPECT_THAT(ReadMember(zip, "a"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ReadMember(zip, "a", {.check_crc = false}),
              ::fairlead::testing::IsOkAndHolds("FIRST"));
}

TEST(ZipReader, DamageToOneMemberLeavesTheOthers) {
  EXPECT_THAT(ReadMember(Overwritten(Ab(), Ab().find("first"), "F"), "b"),
              ::fairlead::testing::IsOkAndHolds("second"));
}

TEST(ZipReader, RefusesEveryProperPrefixOfAFile) {
  const std::string whole =
      MakeZip({.members = {{.name = "a", .data = "first"},
                           {.name = "b", .data = "second", .zip64 = true}},
               .zip64 = true});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ZipReader::Parse(AsShared(whole.substr(0, size)), "some.zip"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("some.zip")))
        << "the first " << size << " bytes";
  }
}

struct BadZip {
  const char* name;
  std::string bytes;
  const char* says;
  absl::StatusCode code = absl::StatusCode::kDataLoss;
};

std::ostream& operator<<(std::ostream& out, const BadZip& bad) {
  return out << bad.name;
}

class BadZipFile : public ::testing::TestWithParam<BadZip> {};

// Each has a member "a"; it cannot be read.
TEST_P(BadZipFile, IsRefusedInOneLineThatNamesIt) {
  EXPECT_THAT(ReadMember(GetParam().bytes, "a"),
              StatusIs(GetParam().code,
                       AllOf(HasSubstr("some.zip"), HasSubstr(GetParam().says),
                             Not(HasSubstr("\n")))));
}

// A field of one header of a good file, overwritten.
std::string Patched(const std::string& zip, ZipHeader header, size_t nth,
                    size_t field, const std::string& bytes) {
  return Overwritten(zip, HeaderAt(zip, header, nth) + field, bytes);
}
std::string Patched(ZipHeader header, size_t field, const std::string& bytes) {
  return Patched(Ab(), header, 0, field, bytes);
}

std::string Deflated() {
  return MakeZip({.members = {{.name = "a",
                               .data = std::string(5000, 'x') + "end",
                               .deflated = true,
                               .streamed = true}}});
}

std::string Zip64() {
  return MakeZip({.members = {{.name = "a", .data = "first", .zip64 = true}},
                  .zip64 = true});
}

constexpr ZipHeader kLocal = ZipHeader::kLocal;
constexpr ZipHeader kDirectory = ZipHeader::kDirectory;
constexpr ZipHeader kEnd = ZipHeader::kEnd;

INSTANTIATE_TEST_SUITE_P(
    All, BadZipFile,
    ::testing::Values(
        BadZip{"text", std::string(100, 'x'), "no zip file"},
        BadZip{"prepended", "#!/bin/sh\n" + Ab(), "put before"},
        BadZip{"appended", Ab() + "x", "no zip file"},
        BadZip{"several_disks", Patched(kEnd, 4, Le(1, 2)), "several"},
        BadZip{"member_on_another_disk", Patched(kDirectory, 34, Le(1, 2)),
               "several"},
        BadZip{"count_too_small",
               Patched(kEnd, 8, Le(1, 2) + Le(1, 2)), "more than the 1"},
        BadZip{"count_too_large",
               Patched(kEnd, 8, Le(3, 2) + Le(3, 2)), "3 members"},
        BadZip{"directory_elsewhere", Patched(kEnd, 16, Le(1, 4)), "directory"},
        BadZip{"directory_too_large", Patched(kEnd, 12, Le(0x7fffffff, 4)),
               "directory"},
        BadZip{"no_entry", Patched(kDirectory, 0, "XX"), "no directory entry"},
        BadZip{"entry_past_directory", Patched(Ab(), kDirectory, 1, 30,
                                               Le(0xffff, 2)),
               "past the directory"},
        BadZip{"local_header_elsewhere", Patched(kDirectory, 42, Le(7, 4)),
               "not at byte 7"},
        BadZip{"local_header_past_file",
               Patched(kDirectory, 42, Le(0x7fffffff, 4)), "not at byte"},
        BadZip{"data_past_directory",
               Patched(Patched(kDirectory, 20, Le(5000, 4)), kLocal, 0, 18,
                       Le(5000, 4)),
               "reach past"},
        BadZip{"huge_data", Patched(kDirectory, 20, Le(0xfffffffe, 4)),
               "reach past"},
        BadZip{"stored_sizes_differ",
               Patched(Patched(kDirectory, 24, Le(4, 4)), kLocal, 0, 22,
                       Le(4, 4)),
               "is stored, yet"},
        BadZip{"names_differ", Patched(kLocal, 30, "z"), "contradicts"},
        BadZip{"methods_differ", Patched(kLocal, 8, Le(8, 2)), "contradicts"},
        BadZip{"sums_differ", Patched(kLocal, 14, Le(1, 4)), "contradicts"},
        BadZip{"sizes_differ", Patched(kLocal, 18, Le(1, 4)), "contradicts"},
        BadZip{"flags_differ", Patched(kLocal, 6, Le(8, 2)), "contradicts"},
        BadZip{"twice",
               MakeZip({.members = {{"a", "first"}, {"a", "second"}}}),
               "there twice"},
        BadZip{"overlapping",
               // Both entries lead to the first member, under its name; the
               // second gets its own name by a second local header inside it.
               [] {
                 const std::string inner =
                     MakeZip({.members = {{"b", "shared"}}});
                 const std::string local =
                     inner.substr(0, inner.find("shared") + 6);
                 std::string zip =
                     MakeZip({.members = {{"a", local}, {"b", "shared"}}});
                 return Patched(zip, kDirectory, 1, 42,
                                Le(zip.find(local), 4));
               }(),
               "overlaps"},
        BadZip{"wrong_sum", Overwritten(Ab(), Ab().find("first"), "F"),
               "CRC-32"},
        BadZip{"encrypted",
               Patched(Patched(kDirectory, 8, Le(1, 2)), kLocal, 0, 6,
                       Le(1, 2)),
               "encrypted", absl::StatusCode::kInvalidArgument},
        BadZip{"bzip2",
               Patched(Patched(kDirectory, 10, Le(12, 2)), kLocal, 0, 8,
                       Le(12, 2)),
               "method 12", absl::StatusCode::kInvalidArgument},
        BadZip{"deflated_damaged",
               Overwritten(Deflated(), Deflated().find("PK\x03\x04") + 31,
                           "\xff\xff\xff\xff"),
               "damaged"},
        BadZip{"deflates_to_more", Patched(Deflated(), kDirectory, 0, 24,
                                           Le(5002, 4)),
               "there are more"},
        BadZip{"deflates_to_less", Patched(Deflated(), kDirectory, 0, 24,
                                           Le(5004, 4)),
               "there are 5003"},
        BadZip{"bomb", Patched(Deflated(), kDirectory, 0, 24,
                               Le(0xf0000000, 4)),
               "cannot hold as many"},
        BadZip{"zip64_locator_nowhere",
               Patched(Zip64(), ZipHeader::kLocator64, 0, 8, Le(~0ULL, 8)),
               "leads nowhere"},
        BadZip{"zip64_contradicts",
               Patched(Zip64(), kEnd, 0, 16, Le(3, 4)), "contradict"},
        BadZip{"zip64_huge_count",
               Patched(Zip64(), ZipHeader::kEnd64, 0, 24,
                       Le(1ULL << 60, 8) + Le(1ULL << 60, 8)),
               "members, in a directory"},
        BadZip{"zip64_huge_directory",
               Patched(Zip64(), ZipHeader::kEnd64, 0, 40, Le(~0ULL, 8)),
               "directory"},
        BadZip{"zip64_huge_place",
               [] {
                 const std::string zip = Zip64();
                 // Name, unknown field, header of ours, two sizes.
                 return Patched(zip, kDirectory, 0, 46 + 1 + 5 + 4 + 16,
                                Le(~0ULL, 8));
               }(),
               "not at byte"},
        BadZip{"zip64_field_lacking",
               Patched(Ab(), kDirectory, 0, 24, Le(~0U, 4)), "it lacks"}),
    [](const TestParamInfo<BadZip>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
