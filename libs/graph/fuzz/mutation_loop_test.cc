#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/fuzz/fuzz.h"
#include "libs/random/philox.h"

// Damages good files in the same thousands of ways each time, and has a reader
// read them. What it promises is checked in FuzzAccepts; what it must not touch
// is seen by a sanitizer (`--config=asan`).

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Lt;

constexpr int kRounds = 20'000;
constexpr uint64_t kKey = 20'261'121;

// What these formats are made of, and numbers at which they change their mind.
constexpr absl::string_view kPieces[] = {
    "{",    "}",      "[",    "]",          "(",
    ")",    ",",      ":",    "\"",         "'",
    "..",   "/",      "null", "-1",         "0",
    "1e9",  "false",  "",     "4294967296", "9223372036854775808",
    "<",    ">",      "|",    "<f4",        "True",
    "\xff", "\\u0000"};

// One change, of a kind that files suffer or attackers make.
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
    case 1:  // another byte
      if (at < file->size()) (*file)[at] = static_cast<char>(random->Next32());
      return;
    case 2: {  // something else, in place of a byte or before it
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

// At the address of its own, and of its own size, as libFuzzer does.
bool Accepts(const std::string& file) {
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), bytes.get());
  return FuzzAccepts({bytes.get(), file.size()});
}

TEST(MutationLoop, SeedsAreAccepted) {
  for (const std::string& seed : FuzzSeeds()) {
    EXPECT_TRUE(Accepts(seed)) << seed;
  }
}

TEST(MutationLoop, KnownDamageIsRefused) {
  for (const std::string& bad : FuzzRefused()) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST(MutationLoop, DamagedFilesAreReadWithinBoundsOrRefused) {
  const std::vector<std::string> seeds = FuzzSeeds();
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    RandomStream random(kKey, static_cast<uint64_t>(round), 0);
    std::string file = seeds[random.Below(seeds.size())];
    for (uint64_t i = random.Below(4); i-- > 0;) Mutate(seeds, &random, &file);
    Mutate(seeds, &random, &file);
    if (Accepts(file)) ++accepted;
  }
  RecordProperty("accepted", accepted);
  // Both roads were walked.
  EXPECT_THAT(accepted, AllOf(Gt(kRounds / 200), Lt(kRounds / 2)));
}

}  // namespace
}  // namespace fairlead::testing
