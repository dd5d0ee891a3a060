#include "libs/command_line/build_info.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fairlead {

extern const char kStampedCommit[];  // commit_stamp.cc; "0" if there is none

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr char kConfig[] = "asan";
#elif defined(__SANITIZE_THREAD__)
constexpr char kConfig[] = "tsan";
#elif defined(NDEBUG)
constexpr char kConfig[] = "opt";
#else
constexpr char kConfig[] = "dbg";
#endif

}  // namespace

BuildInfo ThisBuild() {
  const std::string commit = kStampedCommit;
  return {.version = kVersion,
          .commit = commit == "0" ? "" : commit,
          .config = kConfig};
}

std::string VersionText(absl::string_view program) {
  const BuildInfo build = ThisBuild();
  return absl::StrCat(
      program, " ", build.version, " (", build.config,
      build.commit.empty() ? "" : absl::StrCat(", commit ", build.commit),
      ")\n");
}

}  // namespace fairlead
