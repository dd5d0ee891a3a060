#ifndef FAIRLEAD_LIBS_LOADER_MISUSE_TABLE_H_
#define FAIRLEAD_LIBS_LOADER_MISUSE_TABLE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead::testing {

// A wrong call, and what it is answered: the code, and words that the message
// must have, so that whoever made it knows what is wrong and what to do.
struct Misuse {
  std::string what;
  std::function<absl::Status()> call;
  absl::StatusCode code;
  std::vector<std::string> words;
};

inline void ExpectAnswers(const std::vector<Misuse>& table) {
  for (const Misuse& misuse : table) {
    SCOPED_TRACE(misuse.what);
    const absl::Status status = misuse.call();
    EXPECT_EQ(status.code(), misuse.code) << status;
    for (const std::string& word : misuse.words) {
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(word));
    }
  }
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_LOADER_MISUSE_TABLE_H_
