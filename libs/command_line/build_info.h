#ifndef FAIRLEAD_LIBS_COMMAND_LINE_BUILD_INFO_H_
#define FAIRLEAD_LIBS_COMMAND_LINE_BUILD_INFO_H_

#include <string>

#include "absl/strings/string_view.h"

namespace fairlead {

// The version of these sources: the one place that says it.
inline constexpr char kVersion[] = "0.1.0";

// What a binary was built from and how.
struct BuildInfo {
  std::string version;
  std::string commit;  // empty unless built with --stamp, from a git checkout
  std::string config;  // as Bazel's: opt, asan, tsan, or dbg for all others
};
BuildInfo ThisBuild();

// What --version says: "registry 0.1.0 (opt, commit 0123456789ab)".
std::string VersionText(absl::string_view program);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_COMMAND_LINE_BUILD_INFO_H_
