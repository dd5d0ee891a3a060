// Damages good files in the same thousands of ways each time, and has a harness
// read them. What the reader promises is checked in FuzzAccepts; what it must
// not touch is seen by a sanitizer (`--config=asan`).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/fuzz/fuzz.h"
#include "libs/random/philox.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Lt;

constexpr uint64_t kKey = 20'261'121;

constexpr uint64_t kEdges[] = {0,          1,          0x7f,       0x80,
                               0xff,       0x7fff,     0xffff,     0x7fffffff,
                               0x80000000, 0xfffffffe, 0xffffffff, 1ULL << 60,
                               1ULL << 63, ~0ULL - 1,  ~0ULL};

// Something else, in place of a byte or before it.
void PutPiece(const std::vector<std::string>& pieces, size_t at,
              RandomStream* random, std::string* file) {
  const std::string& piece = pieces[random->Below(pieces.size())];
  file->replace(at, std::min<size_t>(random->Below(2), file->size() - at),
                piece);
}

// Another number.
void PutNumber(size_t at, RandomStream* random, std::string* file) {
  const uint64_t edge = kEdges[random->Below(std::size(kEdges))];
  const size_t width = size_t{1} << random->Below(4);
  for (size_t i = 0; i < width && at + i < file->size(); ++i) {
    (*file)[at + i] = static_cast<char>(edge >> (8 * i));
  }
}

// One change, of a kind that files suffer or attackers make.
void Mutate(const FuzzFormat& format, RandomStream* random, std::string* file) {
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
    case 2:
      if (format.pieces.empty()) {
        PutNumber(at, random, file);
      } else {
        PutPiece(format.pieces, at, random, file);
      }
      return;
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
      const std::string& other =
          format.accepted[random->Below(format.accepted.size())];
      const size_t from = random->Below(other.size() + 1);
      file->replace(at, length, other, from, random->Below(32));
    }
  }
}

// At an address of its own, and of its own size, as libFuzzer does.
bool Accepts(const std::string& file) {
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), bytes.get());
  return FuzzAccepts({bytes.get(), file.size()});
}

int Rounds(const FuzzFormat& format) {
  const char* const scale = std::getenv("FAIRLEAD_TEST_SCALE");
  return scale != nullptr && absl::string_view(scale) == "full"
             ? format.full_rounds
             : format.rounds;
}

TEST(MutationLoop, GoodFilesAreAccepted) {
  for (const std::string& file : GetFuzzFormat().accepted) {
    EXPECT_TRUE(Accepts(file)) << file;
  }
}

TEST(MutationLoop, KnownDamageIsRefused) {
  for (const std::string& file : GetFuzzFormat().refused) {
    EXPECT_FALSE(Accepts(file)) << file;
  }
}

TEST(MutationLoop, DamagedFilesAreReadAsPromisedOrRefused) {
  const FuzzFormat format = GetFuzzFormat();
  const int rounds = Rounds(format);
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    RandomStream random(kKey, static_cast<uint64_t>(round), 0);
    std::string file = format.accepted[random.Below(format.accepted.size())];
    for (uint64_t i = random.Below(4); i-- > 0;) Mutate(format, &random, &file);
    Mutate(format, &random, &file);
    if (Accepts(file)) ++accepted;
  }
  RecordProperty("accepted", accepted);
  // Both roads were walked.
  EXPECT_THAT(accepted, AllOf(Gt(rounds / 200), Lt(rounds / 2)));
}

}  // namespace
}  // namespace fairlead::testing
