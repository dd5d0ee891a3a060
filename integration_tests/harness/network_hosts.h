#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_NETWORK_HOSTS_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_NETWORK_HOSTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "integration_tests/harness/place.h"
#include "libs/child_process/child_process.h"

namespace fairlead::testing {

// Where the distribution has a program of the system's; empty if nowhere.
std::string FindSystemProgram(const std::string& name);

// Runs a command, given by its words. What it said, if it failed.
std::string Shell(const std::string& command,
                  std::vector<std::string> launcher = {});

// A network namespace, kept by a process that sleeps.
struct NetworkNamespace {
  ChildProcess holder;
  std::vector<std::string> launcher;  // runs what follows inside
};

// Hosts with addresses of their own, and wires from each to this process's
// namespace, which forwards between them: host i is 10.77.i.2, and this process
// 10.77.i.1 to it, by wire<i>. `missing` says what is missing for it.
struct NetworkHosts {
  std::vector<NetworkNamespace> namespaces = {};
  std::vector<Place> places = {};
  std::string missing = {};
};
// REQUIRES: the process is in namespaces of its own, users' and network's
// (namespaces.h).
NetworkHosts MakeNetworkHosts(size_t count);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_NETWORK_HOSTS_H_
