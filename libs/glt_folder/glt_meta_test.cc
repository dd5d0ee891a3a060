#include "libs/glt_folder/glt_meta.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/glt_folder/test_folder.h"
#include "libs/python_files/golden_pickles.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::kMetaProtocol0;
using ::fairlead::testing::kMetaProtocol2;
using ::fairlead::testing::kMetaProtocol5;
using ::fairlead::testing::PickledList;
using ::fairlead::testing::PickledMeta;
using ::fairlead::testing::PickledTuple;
using ::fairlead::testing::PyGlobal;
using ::fairlead::testing::PyInt;
using ::fairlead::testing::PyStr;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteTestFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

absl::StatusOr<GltMeta> Read(const std::string& meta) {
  return ReadGltMeta(WriteTestFile("META", meta));
}

std::string Homogeneous(const std::string& node_types,
                        const std::string& edge_types) {
  return PickledMeta({.num_parts = PyInt(2),
                      .data_cls = PyStr("homo"),
                      .node_types = node_types,
                      .edge_types = edge_types});
}

std::string Heterogeneous(const std::string& node_types,
                          const std::string& edge_types) {
  return PickledMeta({.num_parts = PyInt(2),
                      .data_cls = PyStr("hetero"),
                      .node_types = node_types,
                      .edge_types = edge_types});
}

TEST(GltMeta, AHomogeneousGraphHasOneTypeOfEachWithoutName) {
  // None, as GLT writes it; none; and nothing at all.
  for (const std::string& meta :
       {Homogeneous("N", "N"), Homogeneous("]", ")"), Homogeneous("", "")}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const GltMeta read, Read(meta));
    EXPECT_EQ(read.num_partitions, 2);
    EXPECT_FALSE(read.heterogeneous);
    EXPECT_THAT(read.node_types, ElementsAre(""));
    EXPECT_THAT(read.edge_types, ElementsAre(GltEdgeType{}));
    EXPECT_EQ(read.edge_types[0].Name(), "");
  }
}

TEST(GltMeta, AHeterogeneousGraphHasTypesInTheOrderOfTheFile) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const GltMeta meta,
      Read(Heterogeneous(PickledList({PyStr("user"), PyStr("item")}),
                         PickledList({PickledTuple({"user", "buys", "item"}),
                                      PickledTuple({"item", "to", "user"})}))));
  EXPECT_EQ(meta.num_partitions, 2);
  EXPECT_TRUE(meta.heterogeneous);
  EXPECT_THAT(meta.node_types, ElementsAre("user", "item"));
  EXPECT_THAT(meta.edge_types, ElementsAre(GltEdgeType{"user", "buys", "item"},
                                           GltEdgeType{"item", "to", "user"}));
  EXPECT_EQ(meta.edge_types[0].Name(), "user__buys__item");
}

// What CPython itself wrote, of each protocol. Its one edge type is of a node
// type that it lacks, which is said only after all else has been read.
TEST(GltMeta, ReadsWhatPythonPickled) {
  for (const char* const hex :
       {kMetaProtocol0, kMetaProtocol2, kMetaProtocol5}) {
    EXPECT_THAT(Read(absl::HexStringToBytes(hex)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("edge_types[0] is of the node type \"v\"")));
  }
}

struct BadMeta {
  const char* name;
  std::string bytes;
  const char* why;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

std::ostream& operator<<(std::ostream& out, const BadMeta& bad) {
  return out << bad.name;
}

class BadMetas : public ::testing::TestWithParam<BadMeta> {};

TEST_P(BadMetas, AreRefusedInOneLine) {
  EXPECT_THAT(Read(GetParam().bytes),
              StatusIs(GetParam().code,
                       AllOf(HasSubstr("/META: "), HasSubstr(GetParam().why),
                             Not(HasSubstr("\n")))));
}

std::string NameOf(const TestParamInfo<BadMeta>& info) {
  return info.param.name;
}

std::string WithNodeType(const std::string& name) {
  return Heterogeneous(PickledList({PyStr("user"), PyStr(name)}), "]");
}

std::string WithEdgeTypes(const std::vector<std::string>& edge_types) {
  return Heterogeneous(PickledList({PyStr("a"), PyStr("a__b"), PyStr("c")}),
                       PickledList(edge_types));
}

INSTANTIATE_TEST_SUITE_P(
    File, BadMetas,
    ::testing::Values(
        BadMeta{"empty", "", "", absl::StatusCode::kDataLoss},
        BadMeta{"cut_short", "\x80\x02}(", "", absl::StatusCode::kDataLoss},
        BadMeta{"runs_code",
                PyGlobal("os", "system") + "(" + PyStr("true") + "tR.",
                "os.system"},
        BadMeta{"a_list", "].", "must be dict"},
        BadMeta{"no_num_parts", PickledMeta({.data_cls = PyStr("homo")}),
                "no key \"num_parts\""},
        BadMeta{
            "num_parts_is_text",
            PickledMeta({.num_parts = PyStr("2"), .data_cls = PyStr("homo")}),
            "num_parts is of Python type str"},
        BadMeta{"num_parts_is_0",
                PickledMeta({.num_parts = PyInt(0), .data_cls = PyStr("homo")}),
                "num_parts is 0"},
        BadMeta{
            "num_parts_is_negative",
            PickledMeta({.num_parts = PyInt(-1), .data_cls = PyStr("homo")}),
            "num_parts is -1"},
        BadMeta{"too_many_partitions",
                PickledMeta({.num_parts = PyInt(INT32_MAX),
                             .data_cls = PyStr("homo")}),
                "1 to 1048576"},
        BadMeta{"no_data_cls", PickledMeta({.num_parts = PyInt(2)}),
                "no key \"data_cls\""},
        BadMeta{"data_cls_is_a_number",
                PickledMeta({.num_parts = PyInt(2), .data_cls = PyInt(1)}),
                "data_cls is of Python type int"},
        BadMeta{"data_cls_unknown",
                PickledMeta({.num_parts = PyInt(2), .data_cls = PyStr("tree")}),
                "data_cls is \"tree\""},
        BadMeta{"homo_with_types",
                Homogeneous(PickledList({PyStr("user")}), "N"),
                "node_types has 1 types"},
        BadMeta{"homo_with_types_of_another_kind", Homogeneous("N", PyInt(3)),
                "edge_types is of Python type int"}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Types, BadMetas,
    ::testing::Values(
        BadMeta{"no_node_types", Heterogeneous("", "]"),
                "no key \"node_types\""},
        BadMeta{"no_edge_types", Heterogeneous("]", ""),
                "no key \"edge_types\""},
        BadMeta{"node_types_are_none", Heterogeneous("N", "]"),
                "node_types is of Python type None"},
        BadMeta{"edge_types_are_none", Heterogeneous("]", "N"),
                "edge_types is of Python type None"},
        BadMeta{"node_type_is_a_number",
                Heterogeneous(PickledList({PyInt(1)}), "]"),
                "node_types[0] is of Python type int"},
        BadMeta{"node_type_twice", WithNodeType("user"), "\"user\" twice"},
        BadMeta{"node_type_without_name", WithNodeType(""),
                "node_types[1] is \"\""},
        BadMeta{"node_type_leads_below", WithNodeType("a/b"),
                "node_types[1] is \"a/b\""},
        BadMeta{"node_type_leads_up", WithNodeType(".."),
                "node_types[1] is \"..\""},
        BadMeta{"node_type_leads_nowhere", WithNodeType("."),
                "node_types[1] is \".\""},
        BadMeta{"node_type_of_two_lines", WithNodeType("a\nb"),
                "node_types[1] is \"a\\nb\""},
        BadMeta{"node_type_with_a_zero", WithNodeType(std::string("a\0b", 3)),
                "node_types[1] is \"a\\x00"},
        BadMeta{"edge_type_is_text", WithEdgeTypes({PyStr("a__b__c")}),
                "edge_types[0] is of Python type str"},
        BadMeta{"edge_type_of_two", WithEdgeTypes({PickledTuple({"a", "c"})}),
                "edge_types[0] has 2 parts"},
        BadMeta{"edge_type_leads_up",
                WithEdgeTypes({PickledTuple({"a", "../b", "c"})}),
                "edge_types[0][1] is \"../b\""},
        BadMeta{"edge_type_of_unknown_nodes",
                WithEdgeTypes({PickledTuple({"a", "b", "d"})}),
                "node type \"d\""},
        BadMeta{"edge_types_with_one_name",
                WithEdgeTypes({PickledTuple({"a", "b__x", "c"}),
                               PickledTuple({"a__b", "x", "c"})}),
                "\"a__b__x__c\""}),
    NameOf);

}  // namespace
}  // namespace fairlead
