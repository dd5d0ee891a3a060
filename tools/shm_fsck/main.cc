// Lists the segments of a folder of shared memory, and frees what the dead
// left.

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/command_line/command_line.h"
#include "libs/shm_channel/shm_fsck.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

ABSL_FLAG(
    std::string, shm_dir, "/dev/shm/fairlead",
    "Folder of shared memory: the --shm_dir of a pool or a gateway, or the "
    "shm_dir of a mesh.");
ABSL_FLAG(bool, free, false,
          "Remove segments whose owners are dead, and take back what dead "
          "producers and consumers have in the others.");
ABSL_FLAG(bool, json, false, "Print one JSON object a segment, one a line.");

namespace fairlead {
namespace {

std::string StateOf(const SegmentReport& report) {
  if (report.is_orphan) return "orphan";
  if (!report.status.ok()) return "damaged";
  if (report.stats.dead > 0) {
    return absl::StrCat("alive, ", report.stats.dead, " dead inside");
  }
  return "alive";
}

std::string KindOf(const SegmentReport& report) {
  switch (report.kind) {
    case SegmentReport::Kind::kChannel:
      return "channel";
    case SegmentReport::Kind::kDoorbell:
      return "doorbell";
    case SegmentReport::Kind::kMesh:
      return "mesh";
    case SegmentReport::Kind::kNote:
      return "note";
  }
  return "";
}

std::string ToJson(const SegmentReport& report) {
  const bool is_channel = report.kind == SegmentReport::Kind::kChannel;
  nlohmann::json json = {{"name", report.name},
                         {"kind", KindOf(report)},
                         {"state", StateOf(report)},
                         {"bytes", report.bytes},
                         {"orphan", report.is_orphan}};
  if (is_channel && report.status.ok()) {
    json["depth_messages"] = report.stats.depth_messages;
    json["used_bytes"] = report.stats.used_bytes;
    json["high_water_bytes"] = report.stats.high_water_bytes;
    json["committed_messages"] = report.stats.committed_messages;
    json["producers"] = report.stats.producers;
    json["consumers"] = report.stats.consumers;
    json["dead"] = report.stats.dead;
  }
  return json.dump();
}

void Print(const std::vector<SegmentReport>& reports) {
  if (absl::GetFlag(FLAGS_json)) {
    for (const SegmentReport& report : reports) {
      std::cout << ToJson(report) << "\n";
    }
    return;
  }
  std::cout << absl::StrFormat("%-50s %12s %10s %12s %9s  %s\n", "segment",
                               "bytes", "waiting", "used", "peers", "state");
  for (const SegmentReport& report : reports) {
    const ShmChannelStats& stats = report.stats;
    std::cout << absl::StrFormat(
        "%-50s %12d %10d %12d %9d  %s\n", report.name, report.bytes,
        stats.depth_messages, stats.used_bytes,
        stats.producers + stats.consumers, StateOf(report));
  }
}

absl::Status Run() {
  const std::string directory = absl::GetFlag(FLAGS_shm_dir);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<SegmentReport> reports,
                            InspectSegments(directory));
  Print(reports);
  if (absl::GetFlag(FLAGS_free)) {
    FAIRLEAD_ASSIGN_OR_RETURN(const FreedSegments freed,
                              FreeSegments(directory));
    std::cerr << absl::StrFormat(
        "freed %d orphans (%d bytes), and %d messages of the dead\n",
        freed.orphans, freed.bytes, freed.reclaimed_slots);
    return absl::OkStatus();
  }
  int wrong = 0;
  for (const SegmentReport& report : reports) {
    if (StateOf(report) != "alive") ++wrong;
  }
  if (wrong == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      wrong, " segments in ", directory,
      " are not as they should be; --free gives back what the dead left"));
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Lists the segments in a folder of shared memory: who is alive, what "
      "waits in them, and what\nwas left behind by processes that were killed "
      "(services do away with that as they start).\nExits with 1 if something "
      "was left and --free was not given.\n\n"
      "  shm_fsck --shm_dir=/dev/shm/fairlead --free",
      __FILE__);
  return fairlead::ExitCode("shm_fsck", fairlead::Run());
}
