#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_NAMESPACES_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_NAMESPACES_H_

#include <string>

namespace fairlead::testing {

// Puts this process, and those that it starts from now on, into new namespaces,
// such as CLONE_NEWNET | CLONE_NEWNS, in which it may do what root may. Says
// why that is not possible here; nothing if it is done. REQUIRES: the process
// has but this thread.
std::string EnterNamespaces(int flags);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_NAMESPACES_H_
