#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_PLACE_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_PLACE_H_

#include <string>
#include <vector>

namespace fairlead::testing {

// Where a process of a test runs: on this host, or on one of its own as far as
// the network can tell (network_hosts.h).
struct Place {
  std::string address = "127.0.0.1";
  std::vector<std::string> launcher = {};  // runs what follows there
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_PLACE_H_
