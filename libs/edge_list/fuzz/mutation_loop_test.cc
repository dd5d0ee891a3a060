#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/edge_list/fuzz/fuzz.h"
#include "libs/random/philox.h"

// Changes good tables in the same thousands of ways each time, and has them
// read. What is promised of them is checked in FuzzAccepts; what the reader
// must not touch is seen by a sanitizer (`--config=asan`).

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Lt;

constexpr uint64_t kKey = 20'261'121;

int Rounds() {
  const char* const scale = std::getenv("FAIRLEAD_TEST_SCALE");
  return scale != nullptr && absl::string_view(scale) == "full" ? 40'000
                                                                : 2'000;
}

// What tables are made of.
constexpr absl::string_view kPieces[] = {",",
                                         ";",
                                         "\t",
                                         " ",
                                         "\n",
                                         "\r",
                                         "\r\n",
                                         "\"",
                                         "\"\"",
                                         "#",
                                         "%",
                                         "+",
                                         "-",
                                         ".",
                                         "e",
                                         "e999",
                                         "nan",
                                         "inf",
                                         "0",
                                         "17",
                                         "x",
                                         ",,",
                                         "\n\n",
                                         "\"1\"",
                                         "9223372036854775808",
                                         "\xef\xbb\xbf",
                                         "\x1f\x8b",
                                         absl::string_view("\0", 1)};

// One change, of a kind that files suffer or people make.
void Mutate(const std::vector<std::string>& seeds, RandomStream* random,
            std::string* file) {
  const size_t at = random->Below(file->size() + 1);
  const size_t length = std::min<size_t>(random->Below(16), file->size() - at);
  switch (random->Below(7)) {
    case 0:  // a bit flips
      if (at < file->size()) {
        (*file)[at] = static_cast<char>((*file)[at] ^ 1 << random->Below(8));
      }
      return;
    case 1:  // something else, in place of a byte or before it
    case 2: {
      const absl::string_view piece =
          kPieces[random->Below(std::size(kPieces))];
      file->replace(at, std::min<size_t>(random->Below(2), file->size() - at),
                    piece.data(), piece.size());
      return;
    }
    case 3:  // bytes are lost
      file->erase(at, length);
      return;
    case 4:  // bytes come twice
      file->insert(at, file->substr(at, length));
      return;
    case 5:  // the file ends
      if (random->Below(8) == 0) file->resize(at);
      return;
    default: {  // a piece of another file
      const std::string& other = seeds[random->Below(seeds.size())];
      const size_t from = random->Below(other.size() + 1);
      file->replace(at, length, other, from, random->Below(32));
    }
  }
}

bool Accepts(const std::string& file) {
  return FuzzAccepts(
      {reinterpret_cast<const uint8_t*>(file.data()), file.size()});
}

TEST(MutationLoop, SeedsAreAccepted) {
  for (const std::string& seed : FuzzSeeds()) EXPECT_TRUE(Accepts(seed));
}

TEST(MutationLoop, ChangedTablesAreReadTheSameInEveryWay) {
  const std::vector<std::string> seeds = FuzzSeeds();
  const int rounds = Rounds();
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    RandomStream random(kKey, round, 0);
    std::string file = seeds[random.Below(seeds.size())];
    for (uint64_t i = random.Below(4); i-- > 0;) Mutate(seeds, &random, &file);
    Mutate(seeds, &random, &file);
    if (Accepts(file)) ++accepted;
  }
  RecordProperty("accepted", accepted);
  // Both roads were walked.
  EXPECT_THAT(accepted, AllOf(Gt(rounds / 200), Lt(rounds / 2)));
}

}  // namespace
}  // namespace fairlead::testing
