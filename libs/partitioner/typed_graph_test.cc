#include "libs/partitioner/typed_graph.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Papers 0 to 2 cite papers; authors 0 and 1 write papers, and know authors.
const std::vector<int64_t> kNodes = {3, 2};
const std::vector<int64_t> kCitesIndptr = {0, 1, 1, 3};
const std::vector<int64_t> kCites = {2, 0, 1};
const std::vector<int64_t> kWritesIndptr = {0, 2, 3};
const std::vector<int64_t> kWrites = {0, 1, 2};
const std::vector<int64_t> kKnowsIndptr = {0, 1, 2};
const std::vector<int64_t> kKnows = {1, 0};

std::vector<TypedEdges> LibraryEdges() {
  return {{0, 0, kCitesIndptr, kCites},
          {1, 0, kWritesIndptr, kWrites},
          {1, 1, kKnowsIndptr, kKnows}};
}

TEST(CombineGraph, StacksTypesAndJoinsTheEdgesOfANode) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CombinedGraph graph,
                                CombineGraph(kNodes, LibraryEdges()));
  EXPECT_EQ(graph.num_nodes(), 5);
  EXPECT_THAT(graph.type_begins, ElementsAre(0, 3, 5));
  EXPECT_THAT(graph.indptr, ElementsAre(0, 1, 1, 3, 6, 8));
  EXPECT_THAT(graph.indices, ElementsAre(2, 0, 1, /*author 0*/ 0, 1, 4,
                                         /*author 1*/ 2, 3));
}

TEST(CombineGraph, TakesTypesWithoutNodesAndWithoutEdges) {
  const std::vector<int64_t> empty = {0};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CombinedGraph graph,
                                CombineGraph({2, 0, 1}, {{1, 2, empty, {}}}));
  EXPECT_THAT(graph.type_begins, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(graph.indptr, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(graph.indices, IsEmpty());
}

TEST(CombineGraph, OfNothingIsEmpty) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const CombinedGraph graph,
                                CombineGraph({}, {}));
  EXPECT_EQ(graph.num_nodes(), 0);
  EXPECT_THAT(graph.indptr, ElementsAre(0));
}

TEST(SplitByType, GivesEachTypeItsOwn) {
  const std::vector<int64_t> begins = {0, 2, 2, 5};
  const std::vector<uint32_t> owners = {4, 5, 6, 7, 8};
  EXPECT_THAT(SplitByType(begins, owners),
              ElementsAre(ElementsAre(4, 5), IsEmpty(), ElementsAre(6, 7, 8)));
}

TEST(CombineGraph, RefusesEdgesOfNoNode) {
  const std::vector<int64_t> beyond = {0, 3, 2};
  EXPECT_THAT(CombineGraph(kNodes, {{0, 0, kCitesIndptr, kCites},
                                    {1, 0, kWritesIndptr, beyond}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("edge type 1"), HasSubstr("edge 1 "),
                             HasSubstr("leads to 3"))));
  const std::vector<int64_t> negative = {0, -1, 2};
  EXPECT_THAT(
      CombineGraph(kNodes, {{1, 0, kWritesIndptr, negative}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leads to -1")));
}

TEST(CombineGraph, RefusesWhatIsNoCsr) {
  EXPECT_THAT(CombineGraph(kNodes, {{0, 0, kWritesIndptr, kWrites}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 entries for 3 nodes")));
  EXPECT_THAT(CombineGraph(kNodes, {{0, 0, kCitesIndptr, kKnows}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("ends with 3, but there are 2")));
}

TEST(CombineGraph, RefusesTypesThatThereAreNone) {
  EXPECT_THAT(CombineGraph(kNodes, {{0, 2, kCitesIndptr, kCites}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("from node type 0 to 2")));
  EXPECT_THAT(CombineGraph({-1}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node type 0: -1")));
  EXPECT_THAT(
      CombineGraph({std::numeric_limits<int64_t>::max(), 1}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node type 1")));
}

}  // namespace
}  // namespace fairlead
