#include "libs/python_files/zip_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/inflate.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// PKWARE's APPNOTE 6.3.10; the numbers are its sections.
constexpr uint32_t kLocalHeader = 0x04034b50;     // 4.3.7
constexpr uint32_t kDirectoryEntry = 0x02014b50;  // 4.3.12
constexpr uint32_t kZip64End = 0x06064b50;        // 4.3.14
constexpr uint32_t kZip64Locator = 0x07064b50;    // 4.3.15
constexpr uint32_t kEnd = 0x06054b50;             // 4.3.16
constexpr uint64_t kLocalHeaderBytes = 30;
constexpr uint64_t kDirectoryEntryBytes = 46;
constexpr uint64_t kZip64EndBytes = 56;
constexpr uint64_t kZip64LocatorBytes = 20;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kMaxCommentBytes = 0xffff;

// "See the zip64 field instead."
constexpr uint32_t kIn64 = 0xffffffff;
constexpr uint16_t kZip64Field = 1;  // 4.5.3

constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kEncryptedFlag = 1 << 0;
constexpr uint16_t kSizesFollowFlag = 1 << 3;

uint64_t Le(const uint8_t* from, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | from[i];
  return value;
}
uint16_t Le16(const uint8_t* from) { return Le(from, 2); }
uint32_t Le32(const uint8_t* from) { return Le(from, 4); }
uint64_t Le64(const uint8_t* from) { return Le(from, 8); }

// Whether `bytes` at `at` end at or before `end`; no overflow.
bool Fits(uint64_t at, uint64_t bytes, uint64_t end) {
  return at <= end && bytes <= end - at;
}

std::string Quoted(absl::string_view name) {
  constexpr size_t kShown = 200;
  return absl::StrCat("\"", absl::CHexEscape(name.substr(0, kShown)),
                      name.size() > kShown ? "...\"" : "\"");
}

}  // namespace

absl::Status ZipReader::Bad(absl::string_view why) const {
  return absl::DataLossError(absl::StrCat(name_, ": ", why));
}

absl::Status ZipReader::Bad(absl::string_view member,
                            absl::string_view why) const {
  return Bad(absl::StrCat("member ", Quoted(member), " ", why));
}

absl::StatusOr<ZipReader> ZipReader::Open(const std::string& path,
                                          const ZipOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(SharedBytes bytes, MapFile(path));
  return Parse(std::move(bytes), path, options);
}

absl::StatusOr<ZipReader> ZipReader::Parse(SharedBytes bytes, std::string name,
                                           const ZipOptions& options) {
  ZipReader reader;
  reader.name_ = std::move(name);
  reader.options_ = options;
  reader.bytes_ = std::move(bytes);
  FAIRLEAD_RETURN_IF_ERROR(reader.ReadDirectory());
  return reader;
}

absl::Status ZipReader::ReadDirectory() {
  const uint8_t* const data = bytes_.span.data();
  const uint64_t size = bytes_.span.size();
  absl::Status no_zip =
      Bad("is no zip file, or was cut short: it has no end of a directory; "
          "write or copy it again");
  if (size < kEndBytes) return no_zip;
  // The end of the directory is at the end of the file, before a comment.
  uint64_t end_at = size - kEndBytes;
  const uint64_t lowest =
      end_at > kMaxCommentBytes ? end_at - kMaxCommentBytes : 0;
  while (Le32(data + end_at) != kEnd ||
         Le16(data + end_at + 20) != size - end_at - kEndBytes) {
    if (end_at == lowest) return no_zip;
    --end_at;
  }
  const uint8_t* const end = data + end_at;
  uint64_t count = Le16(end + 10);
  uint64_t directory_bytes = Le32(end + 12);
  uint64_t directory_begin = Le32(end + 16);
  uint64_t directory_end = end_at;
  bool one_disk = Le16(end + 4) == 0 && Le16(end + 6) == 0 &&
                  Le16(end + 8) == Le16(end + 10);

  if (end_at >= kZip64LocatorBytes &&
      Le32(end - kZip64LocatorBytes) == kZip64Locator) {
    const uint64_t locator_at = end_at - kZip64LocatorBytes;
    const uint64_t at = Le64(data + locator_at + 8);
    if (!Fits(at, kZip64EndBytes, locator_at) || Le32(data + at) != kZip64End ||
        Le64(data + at + 4) != locator_at - at - 12) {
      return Bad("has a zip64 locator that leads nowhere");
    }
    const uint8_t* const end64 = data + at;
    const uint64_t count64 = Le64(end64 + 32);
    const uint64_t bytes64 = Le64(end64 + 40);
    const uint64_t begin64 = Le64(end64 + 48);
    if ((count != 0xffff && count != count64) ||
        (directory_bytes != kIn64 && directory_bytes != bytes64) ||
        (directory_begin != kIn64 && directory_begin != begin64)) {
      return Bad("has two ends of its directory that contradict each other");
    }
    count = count64;
    directory_bytes = bytes64;
    directory_begin = begin64;
    directory_end = at;
    one_disk = Le32(end64 + 16) == 0 && Le32(end64 + 20) == 0 &&
               Le64(end64 + 24) == count64 &&
               Le32(data + locator_at + 4) == 0 &&
               Le32(data + locator_at + 16) <= 1;
  }
  if (!one_disk) return Bad("is one part of several; put them together first");
  if (directory_bytes > directory_end ||
      directory_begin != directory_end - directory_bytes) {
    return Bad(absl::StrCat(
        "says that its directory has ", directory_bytes, " bytes at ",
        directory_begin, ", but it ends at ", directory_end,
        ": the file was cut, or something was put before or into it"));
  }
  if (count > directory_bytes / kDirectoryEntryBytes) {
    return Bad(absl::StrCat("says that it has ", count,
                            " members, in a directory of ", directory_bytes,
                            " bytes"));
  }

  members_.reserve(count);
  uint64_t at = directory_begin;
  for (uint64_t i = 0; i < count; ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        ZipMember member, ReadEntry(at, directory_begin, directory_end, &at));
    if (!by_name_.emplace(member.name, members_.size()).second) {
      return Bad(member.name, "is there twice; which one is meant?");
    }
    members_.push_back(std::move(member));
  }
  if (at != directory_end) {
    return Bad(absl::StrCat("has a directory with more than the ", count,
                            " members that it says"));
  }
  // Members that share bytes make small files that unpack to huge ones.
  std::vector<const ZipMember*> by_place;
  by_place.reserve(members_.size());
  for (const ZipMember& member : members_) by_place.push_back(&member);
  std::sort(by_place.begin(), by_place.end(),
            [](const ZipMember* a, const ZipMember* b) {
              return a->begin < b->begin;
            });
  for (size_t i = 1; i < by_place.size(); ++i) {
    if (by_place[i]->begin < by_place[i - 1]->end) {
      return Bad(
          by_place[i]->name,
          absl::StrCat("overlaps member ", Quoted(by_place[i - 1]->name)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ZipMember> ZipReader::ReadEntry(uint64_t at,
                                               uint64_t directory_begin,
                                               uint64_t directory_end,
                                               uint64_t* next) const {
  const uint8_t* const entry = bytes_.span.data() + at;
  if (!Fits(at, kDirectoryEntryBytes, directory_end) ||
      Le32(entry) != kDirectoryEntry) {
    return Bad(absl::StrCat("has no directory entry at byte ", at,
                            ", where there should be one"));
  }
  const uint64_t name_bytes = Le16(entry + 28);
  const uint64_t extra_bytes = Le16(entry + 30);
  const uint64_t comment_bytes = Le16(entry + 32);
  const uint64_t variable = name_bytes + extra_bytes + comment_bytes;
  if (!Fits(at + kDirectoryEntryBytes, variable, directory_end)) {
    return Bad(absl::StrCat("has a directory entry at byte ", at,
                            " that reaches past the directory"));
  }
  ZipMember member;
  member.name.assign(
      reinterpret_cast<const char*>(entry + kDirectoryEntryBytes), name_bytes);
  member.flags = Le16(entry + 8);
  member.method = Le16(entry + 10);
  member.crc = Le32(entry + 16);
  uint64_t compressed = Le32(entry + 20);
  member.bytes = Le32(entry + 24);
  member.begin = Le32(entry + 42);
  const uint64_t disk = Le16(entry + 34);

  // What did not fit in 32 bits follows in the zip64 field, in this order.
  std::vector<uint64_t*> in_zip64;
  if (member.bytes == kIn64) in_zip64.push_back(&member.bytes);
  if (compressed == kIn64) in_zip64.push_back(&compressed);
  if (member.begin == kIn64) in_zip64.push_back(&member.begin);
  const uint8_t* field = entry + kDirectoryEntryBytes + name_bytes;
  uint64_t left = extra_bytes;
  while (left >= 4 && !in_zip64.empty()) {
    const uint64_t field_bytes = Le16(field + 2);
    if (field_bytes > left - 4) break;
    if (Le16(field) == kZip64Field) {
      if (field_bytes < 8 * in_zip64.size()) break;
      for (size_t i = 0; i < in_zip64.size(); ++i) {
        *in_zip64[i] = Le64(field + 4 + 8 * i);
      }
      in_zip64.clear();
      break;
    }
    field += 4 + field_bytes;
    left -= 4 + field_bytes;
  }
  if (!in_zip64.empty()) {
    return Bad(member.name, "has sizes in a zip64 field that it lacks");
  }
  if (disk != 0) {
    return Bad(member.name, "is in another part of several");
  }
  FAIRLEAD_RETURN_IF_ERROR(
      ReadLocalHeader(compressed, directory_begin, &member));
  *next = at + kDirectoryEntryBytes + variable;
  return member;
}

absl::Status ZipReader::ReadLocalHeader(uint64_t compressed,
                                        uint64_t directory_begin,
                                        ZipMember* member) const {
  const uint8_t* const data = bytes_.span.data();
  if (!Fits(member->begin, kLocalHeaderBytes, directory_begin) ||
      Le32(data + member->begin) != kLocalHeader) {
    return Bad(member->name, absl::StrCat("is not at byte ", member->begin,
                                          ", where the directory says"));
  }
  const uint8_t* const header = data + member->begin;
  const uint64_t name_bytes = Le16(header + 26);
  const uint64_t extra_bytes = Le16(header + 28);
  const uint64_t name_at = member->begin + kLocalHeaderBytes;
  if (!Fits(name_at, name_bytes + extra_bytes, directory_begin) ||
      !Fits(name_at + name_bytes + extra_bytes, compressed, directory_begin)) {
    return Bad(member->name,
               absl::StrCat("has ", compressed,
                            " bytes, which reach past the end of all members"));
  }
  const absl::string_view name(reinterpret_cast<const char*>(data + name_at),
                               name_bytes);
  const auto contradicts = [&](size_t at, uint64_t expected) {
    const uint32_t value = Le32(header + at);
    return value != expected && value != kIn64;
  };
  // Where a member was streamed, sum and sizes were not known at its start.
  if (name != member->name || Le16(header + 8) != member->method ||
      ((Le16(header + 6) ^ member->flags) &
       (kEncryptedFlag | kSizesFollowFlag)) != 0 ||
      ((member->flags & kSizesFollowFlag) == 0 &&
       (Le32(header + 14) != member->crc || contradicts(18, compressed) ||
        contradicts(22, member->bytes)))) {
    return Bad(member->name, "has a header that contradicts the directory");
  }
  if (member->method == kStored && compressed != member->bytes) {
    return Bad(member->name, absl::StrCat("is stored, yet has ", compressed,
                                          " bytes for ", member->bytes));
  }
  member->end = name_at + name_bytes + extra_bytes + compressed;
  member->stored = bytes_.span.subspan(member->end - compressed, compressed);
  return absl::OkStatus();
}

const ZipMember* ZipReader::Find(absl::string_view member) const {
  const auto found = by_name_.find(member);
  return found == by_name_.end() ? nullptr : &members_[found->second];
}

absl::StatusOr<SharedBytes> ZipReader::Read(absl::string_view name) const {
  const ZipMember* const member = Find(name);
  if (member == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(name_, ": has no member ", Quoted(name), "; it has ",
                     members_.size(), ", the first is ",
                     members_.empty() ? "none" : Quoted(members_[0].name)));
  }
  if ((member->flags & kEncryptedFlag) != 0 ||
      (member->method != kStored && member->method != kDeflated)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name_, ": member ", Quoted(name), " is ",
        (member->flags & kEncryptedFlag) != 0
            ? std::string("encrypted")
            : absl::StrCat("packed with method ", member->method),
        "; stored and deflated members are read: pack it again as such"));
  }
  SharedBytes bytes{member->stored, bytes_.owner};
  if (member->method == kDeflated) {
    FAIRLEAD_ASSIGN_OR_RETURN(bytes, InflateMember(*member));
  }
  if (options_.check_crc && Crc32(bytes.span) != member->crc) {
    return Bad(name,
               "is damaged: its CRC-32 is not the one it was written with; "
               "copy or write the file again");
  }
  return bytes;
}

absl::StatusOr<SharedBytes> ZipReader::InflateMember(
    const ZipMember& member) const {
  if (member.bytes > options_.max_inflated_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name_, ": member ", Quoted(member.name), " inflates to ",
                     member.bytes, " bytes; ", options_.max_inflated_bytes,
                     " are allowed: write it without compression"));
  }
  absl::StatusOr<SharedBytes> inflated = Inflate(member.stored, member.bytes);
  if (inflated.ok()) return inflated;
  const std::string why(inflated.status().message());
  if (absl::IsDataLoss(inflated.status())) return Bad(member.name, why);
  return absl::ResourceExhaustedError(
      absl::StrCat(name_, ": member ", Quoted(member.name), ": ", why));
}

}  // namespace fairlead
