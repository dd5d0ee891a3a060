#include "tools/dataset/check/check_dataset.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/check/small_datasets.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::WholeDataset;
using ::fairlead::testing::WriteInts;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(CheckDataset, FindsNothingWrongWithAGoodOne) {
  const Findings whole = CheckDataset(WholeDataset("good"));
  EXPECT_EQ(whole.errors(), 0) << whole.Text();
  EXPECT_EQ(whole.warnings(), 0) << whole.Text();
  const Findings halves = CheckDataset(PartitionedDataset("halves"));
  EXPECT_EQ(halves.errors(), 0) << halves.Text();
  EXPECT_EQ(halves.warnings(), 0) << halves.Text();
}

TEST(CheckDataset, SaysWhatADatasetIsLike) {
  const std::string folder = WholeDataset("like");
  // 0->2 0->1 1->2 1->2, by source alone; 3 has none.
  WriteInts(absl::StrCat(folder, "/paper__cites__paper.indptr.npy"),
            {0, 2, 4, 4, 4});
  WriteInts(absl::StrCat(folder, "/paper__cites__paper.indices.npy"),
            {2, 1, 2, 2});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DatasetManifest manifest, ReadManifest(folder));
  manifest.edge_types[0].in.reset();
  ASSERT_THAT(WriteManifest(folder, manifest), IsOk());
  const Findings findings = CheckDataset(folder);
  EXPECT_EQ(findings.errors(), 0) << findings.Text();
  EXPECT_THAT(
      findings.Text(),
      AllOf(HasSubstr("1 of 4 nodes have neighbours that do not ascend"),
            HasSubstr("1 of 4 edges repeat one before"),
            HasSubstr("1 of 4 nodes of type paper have no edges")));
}

TEST(CheckDataset, CountsAllAndKeepsAFewOfAKind) {
  const std::string folder = WholeDataset("many");
  WriteInts(absl::StrCat(folder, "/paper.labels.npy"), {9, 9, 9, 9});
  const Findings findings = CheckDataset(folder, {.most_per_kind = 3});
  EXPECT_EQ(findings.errors(), 4);
  EXPECT_EQ(findings.kept().size(), 3);
  EXPECT_THAT(findings.Text(),
              HasSubstr("... and 1 more of labels.out_of_range"));
  const nlohmann::json json = nlohmann::json::parse(findings.Json());
  EXPECT_EQ(json["errors"], 4);
  EXPECT_EQ(json["counts"]["labels.out_of_range"], 4);
  EXPECT_EQ(json["findings"][1]["file"], "paper.labels.npy");
  EXPECT_EQ(json["findings"][1]["row"], 1);
}

TEST(CheckDataset, SaysHowFarItIs) {
  uint64_t last = 0;
  uint64_t all = 0;
  CheckDataset(
      PartitionedDataset("far"),
      {.most_per_kind = 1, .progress = [&](uint64_t done, uint64_t total) {
         EXPECT_GT(done, last);
         last = done;
         all = total;
       }});
  EXPECT_EQ(last, all);
}

// Whatever is done to a file: what a pool would refuse is never called clean.
TEST(CheckDataset, WhatCannotBeLoadedIsNeverCalledClean) {
  constexpr int kRounds = 300;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    RandomStream random(20261121, static_cast<uint64_t>(round), 0);
    const bool in_partitions = random.Below(2) == 0;
    const std::string folder =
        in_partitions ? PartitionedDataset("damaged") : WholeDataset("damaged");
    std::vector<std::string> files;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    const std::string& file = files[random.Below(files.size())];
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(file);
    // Most often in the data, which is at the end.
    const uint64_t at =
        random.Below(3) == 0
            ? random.Below(size)
            : size - 1 - random.Below(std::min<uint64_t>(size, 40));
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(random.Next32()));
    stream.close();
    bool loads = true;
    for (uint32_t partition = 0; partition < (in_partitions ? 2u : 1u);
         ++partition) {
      Dataset::LoadOptions options;
      options.partition = partition;
      loads = loads && Dataset::Load(folder, options).ok();
    }
    const Findings findings = CheckDataset(folder);
    if (!loads) {
      ++refused;
      EXPECT_GT(findings.errors(), 0) << file << " " << at;
      // It found that by itself, and better.
      EXPECT_EQ(findings.counts().count("load"), 0) << file << " " << at << "\n"
                                                    << findings.Text();
    }
  }
  EXPECT_GT(refused, kRounds / 5);
}

}  // namespace
}  // namespace fairlead
