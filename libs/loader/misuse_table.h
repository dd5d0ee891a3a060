#ifndef FAIRLEAD_LIBS_LOADER_MISUSE_TABLE_H_
#define FAIRLEAD_LIBS_LOADER_MISUSE_TABLE_H_

#include <cstddef>
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

// How many each table has.
inline constexpr size_t kOfOptions = 20;
inline constexpr size_t kOfSeeds = 20;
inline constexpr size_t kOfNegatives = 14;
inline constexpr size_t kOfAnEpoch = 10;
inline constexpr size_t kOfABatch = 4;
inline constexpr size_t kOfTheCluster = 9;
inline constexpr size_t kOfAReceivingChannel = 11;
static_assert(kOfOptions + kOfSeeds + kOfNegatives + kOfAnEpoch + kOfABatch +
                  kOfTheCluster + kOfAReceivingChannel >=
              60);

inline void ExpectAnswers(const std::vector<Misuse>& table, size_t count) {
  EXPECT_EQ(table.size(), count);
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
