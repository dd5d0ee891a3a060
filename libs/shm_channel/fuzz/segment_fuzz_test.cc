// Runs the fuzzer's entry point over the corpus and over seeded changes of it,
// so that the harness is exercised with any compiler.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/fuzz/segment_fuzzer.h"

namespace fairlead {
namespace {

std::vector<std::vector<uint8_t>> Corpus() {
  std::vector<std::vector<uint8_t>> corpus;
  for (const auto& file :
       std::filesystem::directory_iterator("libs/shm_channel/fuzz/corpus")) {
    std::ifstream in(file.path(), std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in),
                        std::istreambuf_iterator<char>());
  }
  return corpus;
}

void Feed(const std::vector<uint8_t>& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

TEST(SegmentFuzz, CorpusIsSurvived) {
  const auto corpus = Corpus();
  ASSERT_GE(corpus.size(), 5u);
  for (const auto& input : corpus) Feed(input);
}

TEST(SegmentFuzz, ChangesOfTheCorpusAreSurvived) {
  const char* scale = std::getenv("FAIRLEAD_TEST_SCALE");
  const uint64_t rounds =
      scale != nullptr && std::string(scale) == "full" ? 1'000'000 : 10'000;
  const auto corpus = Corpus();
  // Values that bounds go wrong at.
  const std::vector<uint8_t> bytes = {0x00, 0x01, 0x02, 0x03, 0x3F,
                                      0x40, 0x7F, 0x80, 0xFE, 0xFF};
  for (uint64_t round = 0; round < rounds; ++round) {
    RandomStream random(11, round, 0);
    std::vector<uint8_t> input = corpus[random.Below(corpus.size())];
    for (uint64_t i = random.Below(12); i > 0 && !input.empty(); --i) {
      uint8_t& byte = input[random.Below(input.size())];
      byte = random.Below(2) == 0 ? bytes[random.Below(bytes.size())]
                                  : static_cast<uint8_t>(random.Next32());
    }
    if (random.Below(8) == 0) input.resize(random.Below(input.size() + 1));
    Feed(input);
  }
}

}  // namespace
}  // namespace fairlead
