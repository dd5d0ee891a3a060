#include "tools/dataset/wordnet.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::TestParamInfo;
using ::testing::UnorderedElementsAre;

constexpr char kRealWordNet[] = "/usr/share/wordnet";
constexpr int64_t kHashed = 64;

using Files = std::map<std::string, std::string>;

// Ids: 0 dog, 1 animal, 2 bark, 3 canine, 4 satellite of canine, 5 loudly.
Files TinyWordNet() {
  return {
      {"data.noun",
       "  1 This software and database is being provided to you\n"
       "00001740 05 n 02 dog 0 domestic_dog 0 002 @ 00002137 n 0000 "
       "+ 00001740 v 0101 | a loud pet; \"the dog barked\"\n"
       "00002137 03 n 01 animal 0 001 ~ 00001740 n 0000 | a living pet\n"},
      {"data.verb",
       "00001740 32 v 01 bark 0 001 + 00001740 n 0101 01 + 02 00 | make "
       "barking sounds\n"},
      {"data.adj",
       "00001740 00 a 01 canine 0 002 \\ 00001740 n 0101 & 00002000 s 0000 | "
       "of dogs\n"
       "00002000 00 s 01 doggy 0 001 & 00001740 a 0000 | like dogs\n"},
      {"data.adv",
       "00001740 02 r 01 loudly 0 001 !! 00001740 r 0000 | with a loud "
       "voice\n"}};
}

std::string WriteFiles(const Files& files) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "/wordnet");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, text] : files) {
    std::ofstream(absl::StrCat(folder, "/", name)) << text;
  }
  return folder;
}

absl::StatusOr<DatasetContents> Read(const Files& files) {
  return ReadWordNet({.directory = WriteFiles(files), .feature_dim = kHashed});
}

TEST(WordNet, SynsetsAreNodesLabelledByTheirLexicographerFile) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents contents,
                                Read(TinyWordNet()));
  ASSERT_EQ(contents.nodes.size(), 1);
  EXPECT_EQ(contents.nodes[0].name, "synset");
  EXPECT_EQ(contents.nodes[0].num_nodes, 6);
  EXPECT_EQ(contents.nodes[0].num_classes, 45);
  EXPECT_THAT(contents.nodes[0].labels, ElementsAre(5, 3, 32, 0, 0, 2));
}

// The same offset stands in every file: the part of speech tells which is
// meant, and a satellite adjective's is the adjectives'.
TEST(WordNet, PointersAreEdgesOfTheirKind) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents contents,
                                Read(TinyWordNet()));
  std::map<std::string, std::vector<std::pair<int64_t, int64_t>>> edges;
  for (const DatasetContents::Edges& type : contents.edges) {
    EXPECT_EQ(type.name.src, "synset");
    EXPECT_EQ(type.name.dst, "synset");
    edges[type.name.relation] = type.edges;
  }
  EXPECT_THAT(
      edges,
      UnorderedElementsAre(
          Pair("hypernym", ElementsAre(Pair(0, 1))),
          Pair("hyponym", ElementsAre(Pair(1, 0))),
          Pair("derivation", UnorderedElementsAre(Pair(0, 2), Pair(2, 0))),
          Pair("pertainym", ElementsAre(Pair(3, 0))),
          Pair("similar", UnorderedElementsAre(Pair(3, 4), Pair(4, 3))),
          Pair("other", ElementsAre(Pair(5, 5)))));
}

// The features of one node: the hashed columns, then the part of speech.
std::vector<float> Row(const DatasetContents& contents, int64_t node) {
  const int64_t dim = contents.nodes[0].feature_dim;
  const auto begin = contents.nodes[0].features.begin() + node * dim;
  return {begin, begin + dim};
}

TEST(WordNet, FeaturesEndInThePartOfSpeech) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents contents,
                                Read(TinyWordNet()));
  EXPECT_EQ(contents.nodes[0].feature_dim, kHashed + 4);
  const auto part_of_speech = [&contents](int64_t node) {
    const std::vector<float> row = Row(contents, node);
    return std::vector<float>(row.begin() + kHashed, row.end());
  };
  EXPECT_THAT(part_of_speech(0), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(part_of_speech(2), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(part_of_speech(3), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(part_of_speech(4), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(part_of_speech(5), ElementsAre(0, 0, 0, 1));
}

TEST(WordNet, HashedFeaturesHaveLengthOne) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents contents,
                                Read(TinyWordNet()));
  for (int64_t node = 0; node < 6; ++node) {
    const std::vector<float> row = Row(contents, node);
    EXPECT_NEAR(std::inner_product(row.begin(), row.begin() + kHashed,
                                   row.begin(), 0.0F),
                1, 1e-5)
        << node;
  }
}

// What would make the labels easy must not be among the features: neither the
// lexicographer file nor the pointers change them.
TEST(WordNet, FeaturesDependOnGlossWordsAndPartOfSpeechAlone) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents before,
                                Read(TinyWordNet()));
  Files files = TinyWordNet();
  files["data.verb"] =
      "00001740 38 v 01 bark 0 000 01 + 02 00 | make barking sounds\n";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents after, Read(files));
  EXPECT_NE(before.nodes[0].labels, after.nodes[0].labels);
  EXPECT_EQ(before.nodes[0].features, after.nodes[0].features);

  files["data.verb"] =
      "00001740 38 v 01 bark 0 000 01 + 02 00 | make growling sounds\n";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents reworded, Read(files));
  EXPECT_NE(Row(reworded, 2), Row(after, 2));
}

TEST(WordNet, SplitsDependOnTheSeedAlone) {
  const std::string folder = WriteFiles(TinyWordNet());
  const auto train = [&folder](uint64_t seed) {
    const absl::StatusOr<DatasetContents> contents =
        ReadWordNet({.directory = folder, .feature_dim = 8, .seed = seed});
    EXPECT_THAT(contents, IsOk());
    return *contents->nodes[0].train;
  };
  EXPECT_EQ(train(1), train(1));
  std::set<std::vector<int64_t>> different;
  for (uint64_t seed = 0; seed < 20; ++seed) different.insert(train(seed));
  EXPECT_GT(different.size(), 1);
}

TEST(WordNet, RefusesNoFeatureColumns) {
  EXPECT_THAT(
      ReadWordNet({.directory = WriteFiles(TinyWordNet()), .feature_dim = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("--feature_dim=0")));
}

TEST(WordNet, NamesThePackageWhenFilesAreMissing) {
  Files files = TinyWordNet();
  files.erase("data.adj");
  EXPECT_THAT(Read(files),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("data.adj"), HasSubstr("wordnet-base"),
                             HasSubstr("--wordnet_dir"))));
}

struct BadLine {
  const char* name;
  const char* verbs;  // data.verb
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadLine& bad) {
  return out << bad.name;
}

class BadWordNet : public ::testing::TestWithParam<BadLine> {};

TEST_P(BadWordNet, IsRefusedInOneLine) {
  Files files = TinyWordNet();
  files["data.verb"] = GetParam().verbs;
  EXPECT_THAT(Read(files), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(HasSubstr(GetParam().says),
                                          Not(HasSubstr("\n")))));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadWordNet,
    ::testing::Values(
        BadLine{"empty", "", "data.verb: holds no synset"},
        BadLine{"no_numbers", "bark | a sound\n", "a bad beginning"},
        BadLine{"no_class", "00001740 45 v 01 bark 0 000 | a sound\n",
                "a bad beginning"},
        BadLine{"cut_in_words", "00001740 32 v 02 bark 0 woof\n",
                "too few words"},
        BadLine{"cut_before_pointers", "00001740 32 v 01 bark 0\n",
                "too few words"},
        // Twice that is 0 in 32 bits.
        BadLine{"words_that_wrap", "00001740 32 v 80000000 bark 0 000 | x\n",
                "too few words"},
        BadLine{"cut_in_pointers", "00001740 32 v 01 bark 0 001 + 00001740 v\n",
                "too few pointers"},
        BadLine{"pointers_no_number", "00001740 32 v 01 bark 0 many | x\n",
                "too few pointers"},
        BadLine{"bad_target", "00001740 32 v 01 bark 0 001 + ? v 0000 | x\n",
                "a bad pointer"},
        BadLine{"no_such_target",
                "00001740 32 v 01 bark 0 001 + 00009999 v 0000 | x\n",
                "points to 9999"}),
    [](const TestParamInfo<BadLine>& info) {
      return std::string(info.param.name);
    });

// The package itself, where it is installed.
TEST(WordNet, TheWholeOfItHasItsKnownCounts) {
  if (!std::filesystem::exists(kRealWordNet)) {
    GTEST_SKIP() << "the package wordnet-base is not installed";
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetContents contents,
                                ReadWordNet({.feature_dim = 8}));
  const DatasetContents::Nodes& nodes = contents.nodes[0];
  EXPECT_EQ(nodes.num_nodes, 117659);
  EXPECT_EQ(std::set<int64_t>(nodes.labels.begin(), nodes.labels.end()).size(),
            45);
  std::map<std::string, size_t> counts;
  size_t pointers = 0;
  for (const DatasetContents::Edges& type : contents.edges) {
    counts[type.name.relation] = type.edges.size();
    pointers += type.edges.size();
  }
  EXPECT_EQ(pointers, 377592);
  EXPECT_EQ(counts.size(), 26);
  EXPECT_EQ(counts.count("other"), 0);  // every symbol is known
  // Kinds that are each other's inverse.
  EXPECT_EQ(counts["hypernym"], counts["hyponym"]);
  EXPECT_EQ(counts["instance_hypernym"], counts["instance_hyponym"]);
  EXPECT_EQ(counts["member_meronym"], counts["member_holonym"]);
  EXPECT_EQ(counts["part_meronym"], counts["part_holonym"]);
  EXPECT_EQ(counts["substance_meronym"], counts["substance_holonym"]);

  EXPECT_EQ(nodes.train->size(), 70595);
  EXPECT_EQ(nodes.val->size(), 23532);
  EXPECT_EQ(nodes.test->size(), 23532);
  std::vector<int> in_splits(117659, 0);
  for (const auto* split : {&nodes.train, &nodes.val, &nodes.test}) {
    for (const int64_t id : **split) ++in_splits[static_cast<size_t>(id)];
  }
  EXPECT_THAT(in_splits, Each(1));
}

}  // namespace
}  // namespace fairlead
