#include "libs/loader/input_nodes.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/npy.h"
#include "libs/status/status_matchers.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

template <typename T>
std::string Save(const std::string& name, const std::string& dtype,
                 const std::vector<T>& values,
                 const std::vector<int64_t>& shape) {
  const std::string path =
      absl::StrCat(std::getenv("TEST_TMPDIR"), "/", name, ".npy");
  EXPECT_THAT(WriteNpy<T>(path, dtype, shape, absl::MakeConstSpan(values)),
              IsOk());
  return path;
}

TEST(InputNodes, AreASplitOrIdsOfAType) {  // GL-053
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto seeds,
                                ToSeedNodes(InputNodes::Split("val", "paper")));
  ASSERT_THAT(seeds, SizeIs(1));
  EXPECT_EQ(seeds[0].split(), v1::SPLIT_VAL);
  EXPECT_EQ(seeds[0].node_type(), "paper");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(seeds, ToSeedNodes(InputNodes::Ids({4, 4, 8})));
  ASSERT_THAT(seeds, SizeIs(1));
  EXPECT_THAT(seeds[0].ids().id(), ElementsAre(4, 4, 8));
  EXPECT_THAT(seeds[0].node_type(), IsEmpty());
}

TEST(InputNodes, AreReadFromOneFileOrFromOneForEachServer) {  // GL-053
  const std::string first = Save<int64_t>("first", "i8", {3, 1, 2}, {3});
  const std::string second = Save<int32_t>("second", "i4", {9}, {1});
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      auto seeds, ToSeedNodes(InputNodes::Files({first}, "paper")));
  ASSERT_THAT(seeds, SizeIs(1));
  EXPECT_THAT(seeds[0].ids().id(), ElementsAre(3, 1, 2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      seeds, ToSeedNodes(InputNodes::Files({first, second}, "paper")));
  ASSERT_THAT(seeds, SizeIs(2));
  EXPECT_THAT(seeds[0].ids().id(), ElementsAre(3, 1, 2));
  EXPECT_THAT(seeds[1].ids().id(), ElementsAre(9));
  EXPECT_EQ(seeds[1].node_type(), "paper");
}

TEST(InputNodes, ShardIsASlice) {
  InputNodes nodes = InputNodes::Split("train");
  nodes.shard = 1;
  nodes.num_shards = 3;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto seeds, ToSeedNodes(nodes));
  EXPECT_EQ(seeds[0].slice().start_numerator(), 1u);
  EXPECT_EQ(seeds[0].slice().end_numerator(), 2u);
  EXPECT_EQ(seeds[0].slice().denominator(), 3u);
}

TEST(InputNodes, FileThatHoldsNoIdsIsRefusedWithTheMend) {
  const auto refused = [](const std::string& path, absl::StatusCode code,
                          const char* why) {
    EXPECT_THAT(ToSeedNodes(InputNodes::Files({path})),
                StatusIs(code, AllOf(HasSubstr(path), HasSubstr(why))));
  };
  refused(Save<uint8_t>("mask", "b1", {1, 0, 1}, {3}),
          absl::StatusCode::kInvalidArgument, "numpy.flatnonzero(mask)");
  refused(Save<float>("floats", "f4", {1, 2}, {2}),
          absl::StatusCode::kInvalidArgument, "int64 or int32");
  refused(Save<int64_t>("matrix", "i8", {1, 2}, {1, 2}),
          absl::StatusCode::kInvalidArgument, "2 dimensions");
  refused("/no/such/file.npy", absl::StatusCode::kNotFound, "file.npy");
}

TEST(InputEdges, AreAllOrAList) {
  InputEdges edges;
  EXPECT_TRUE(ToSeedNodes(edges).edges().all());
  edges.edge_type = {"user", "buys", "item"};
  edges.edges = {.src = {1, 2}, .dst = {3, 4}, .labels = {0, 1}};
  ASSERT_THAT(Validate(edges), IsOk());
  const v1::SeedNodes seeds = ToSeedNodes(edges);
  EXPECT_FALSE(seeds.edges().all());
  EXPECT_EQ(seeds.edges().edge_type().relation(), "buys");
  EXPECT_THAT(seeds.edges().src(), ElementsAre(1, 2));
  EXPECT_THAT(seeds.edges().dst(), ElementsAre(3, 4));
  EXPECT_THAT(seeds.edges().labels(), ElementsAre(0, 1));
}

}  // namespace
}  // namespace fairlead
