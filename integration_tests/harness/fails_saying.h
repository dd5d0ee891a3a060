#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_FAILS_SAYING_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_FAILS_SAYING_H_

#include <algorithm>

#include "gmock/gmock.h"

namespace fairlead::testing {

// Of a program's Outcome: exit code 1, and one line on standard error, which
// matches.
MATCHER_P(FailsSaying, text_matcher, "") {
  *result_listener << "exit code " << arg.exit_code << ", err: " << arg.err;
  return arg.exit_code == 1 &&
         std::count(arg.err.begin(), arg.err.end(), '\n') == 1 &&
         ::testing::Matches(::testing::AllOf(::testing::EndsWith("\n"),
                                             text_matcher))(arg.err);
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_FAILS_SAYING_H_
