#include "integration_tests/harness/namespaces.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace fairlead::testing {

std::string EnterNamespaces(int flags) {
  const uid_t uid = getuid();
  const gid_t gid = getgid();
  if (unshare(CLONE_NEWUSER | flags) != 0) {
    return absl::StrCat("no namespace may be made here: ",
                        std::strerror(errno));
  }
  // Without this a group may not be mapped.
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << absl::StrCat("0 ", uid, " 1");
  std::ofstream("/proc/self/gid_map") << absl::StrCat("0 ", gid, " 1");
  return "";
}

}  // namespace fairlead::testing
