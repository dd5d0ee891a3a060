#include "libs/shm_channel/shm_fsck.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_file.h"

namespace fairlead {
namespace {

// Of one file; nullopt if it is none of ours, or is gone by now.
std::optional<SegmentReport> Inspect(absl::string_view directory,
                                     const std::string& name) {
  SegmentReport report{.name = name};
  absl::string_view prefix = kChannelPrefix;
  if (absl::StartsWith(name, kDoorbellPrefix)) {
    report.kind = SegmentReport::Kind::kDoorbell;
    prefix = kDoorbellPrefix;
  } else if (absl::StartsWith(name, kMeshPrefix)) {
    report.kind = SegmentReport::Kind::kMesh;
    prefix = kMeshPrefix;
  } else if (absl::StartsWith(name, kNotePrefix)) {
    report.kind = SegmentReport::Kind::kNote;
    prefix = kNotePrefix;
  } else if (!absl::StartsWith(name, kChannelPrefix)) {
    return std::nullopt;
  }
  const auto file = ShmFile::Open(directory, prefix, name);
  if (absl::IsNotFound(file.status())) return std::nullopt;
  if (!file.ok()) {
    // Nothing in it, so nobody made it: its maker names only what is whole.
    report.is_orphan = true;
    report.status = file.status();
    return report;
  }
  report.bytes = (*file)->size();
  report.is_orphan = !(*file)->IsHeldByOthers(ShmFile::Role::kOwner);
  if (report.kind == SegmentReport::Kind::kChannel) {
    const absl::StatusOr<ShmChannelStats> stats =
        InspectShmChannel(directory, name);
    if (stats.ok()) report.stats = *stats;
    report.status = stats.status();
  }
  return report;
}

}  // namespace

absl::StatusOr<std::vector<SegmentReport>> InspectSegments(
    absl::string_view directory) {
  const std::string path(directory);
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("shared memory folder ", directory,
                     ": cannot be read; name the --shm_dir of a pool or a "
                     "gateway, or the shm_dir of "
                     "a mesh"));
  }
  std::vector<SegmentReport> reports;
  while (const dirent* entry = readdir(folder)) {
    std::optional<SegmentReport> report = Inspect(directory, entry->d_name);
    if (report.has_value()) reports.push_back(*std::move(report));
  }
  closedir(folder);
  std::sort(reports.begin(), reports.end(),
            [](const SegmentReport& a, const SegmentReport& b) {
              return a.name < b.name;
            });
  return reports;
}

absl::StatusOr<FreedSegments> FreeSegments(absl::string_view directory) {
  absl::StatusOr<std::vector<SegmentReport>> reports =
      InspectSegments(directory);
  if (!reports.ok()) return reports.status();
  FreedSegments freed;
  for (const SegmentReport& report : *reports) {
    if (report.is_orphan) freed.bytes += report.bytes;
    if (report.is_orphan || report.stats.dead == 0) continue;
    // Whoever opens a channel takes back what the dead had.
    const auto visitor = ShmProducer::Open(directory, report.name);
    if (!visitor.ok()) continue;
    freed.reclaimed_slots +=
        static_cast<int>((*visitor)->stats().reclaimed_messages -
                         report.stats.reclaimed_messages);
  }
  freed.orphans = SweepOrphans(directory) + SweepNotes(directory);
  return freed;
}

}  // namespace fairlead
