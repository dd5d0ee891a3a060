#include "integration_tests/harness/network_hosts.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"

namespace fairlead::testing {
namespace {

std::string Connect(size_t number, const NetworkNamespace& host) {
  const std::string wire = absl::StrCat("wire", number);
  const std::string net = absl::StrCat("10.77.", number, ".");
  for (const std::string& command :
       {absl::StrCat("ip link add ", wire, " type veth peer name wire netns ",
                     host.holder.pid()),
        absl::StrCat("ip addr add ", net, "1/24 dev ", wire),
        absl::StrCat("ip link set ", wire, " up")}) {
    const std::string error = Shell(command);
    if (!error.empty()) return error;
  }
  for (const std::string& command :
       {absl::StrCat("ip addr add ", net, "2/24 dev wire"),
        std::string("ip link set wire up"),
        absl::StrCat("ip route add default via ", net, "1")}) {
    const std::string error = Shell(command, host.launcher);
    if (!error.empty()) return error;
  }
  return "";
}

// Adds one, with its loopback up. What is missing for it.
std::string AddNamespace(std::vector<NetworkNamespace>& added) {
  for (const char* program : {"ip", "nsenter", "unshare"}) {
    if (FindSystemProgram(program).empty()) {
      return absl::StrCat("there is no ", program);
    }
  }
  // It says a word once it is in its namespace, and then waits to be killed.
  auto started =
      ChildProcess::Start({FindSystemProgram("unshare"), "-n", "/bin/sh", "-c",
                           "echo there; exec sleep 100000"},
                          {});
  if (!started.ok()) return std::string(started.status().message());
  added.push_back({*std::move(started), {}});
  NetworkNamespace& host = added.back();
  const auto there = host.holder.ReadLine(kPatience);
  if (!there.ok() || !there->has_value()) return "no second namespace";
  host.launcher = {FindSystemProgram("nsenter"),
                   absl::StrCat("--net=/proc/", host.holder.pid(), "/ns/net")};
  return Shell("ip link set lo up", host.launcher);
}

}  // namespace

std::string FindSystemProgram(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
    if (std::filesystem::exists(folder + name)) return folder + name;
  }
  return "";
}

std::string Shell(const std::string& command,
                  std::vector<std::string> launcher) {
  std::vector<std::string> words = absl::StrSplit(command, ' ');
  words[0] = FindSystemProgram(words[0]);
  launcher.insert(launcher.end(), words.begin(), words.end());
  const auto outcome = RunToEnd(launcher, kPatience, NewFolder());
  if (outcome.ok() && outcome->exit_code == 0) return "";
  return absl::StrCat(
      command, ": ",
      outcome.ok() ? outcome->err : std::string(outcome.status().message()));
}

NetworkHosts MakeNetworkHosts(size_t count) {
  NetworkHosts hosts;
  hosts.missing = Shell("ip link set lo up");
  if (!hosts.missing.empty()) return hosts;
  for (size_t i = 0; i < count; ++i) {
    hosts.missing = AddNamespace(hosts.namespaces);
    if (hosts.missing.empty()) {
      hosts.missing = Connect(i, hosts.namespaces.back());
    }
    if (!hosts.missing.empty()) return hosts;
    hosts.places.push_back(
        {absl::StrCat("10.77.", i, ".2"), hosts.namespaces.back().launcher});
  }
  if (count == 1) return hosts;
  std::ofstream forward("/proc/sys/net/ipv4/ip_forward");
  if (!(forward << "1" << std::flush)) {
    hosts.missing = "packets may not be forwarded here";
  }
  return hosts;
}

}  // namespace fairlead::testing
