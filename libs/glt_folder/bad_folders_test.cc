#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/glt_folder/glt_folder.h"
#include "libs/glt_folder/glt_meta.h"
#include "libs/glt_folder/test_folder.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Floats;
using ::fairlead::testing::HeterogeneousFolder;
using ::fairlead::testing::HomogeneousFolder;
using ::fairlead::testing::Int32s;
using ::fairlead::testing::Int64s;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeTorch;
using ::fairlead::testing::Pickled;
using ::fairlead::testing::PyGlobal;
using ::fairlead::testing::PyInt;
using ::fairlead::testing::PyStr;
using ::fairlead::testing::Shaped;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestFolder;
using ::fairlead::testing::TorchSaved;
using ::fairlead::testing::TorchSavedExpanded;
using ::fairlead::testing::WriteTestFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kLoss = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kMissing = absl::StatusCode::kNotFound;

// Reads everything that a folder has.
absl::Status ReadAll(const std::string& path) {
  FAIRLEAD_ASSIGN_OR_RETURN(const GltFolder folder, GltFolder::Open(path));
  const GltMeta& meta = folder.meta();
  for (const std::string& type : meta.node_types) {
    FAIRLEAD_RETURN_IF_ERROR(folder.NodeBook(type).status());
    for (uint32_t part = 0; part < meta.num_partitions; ++part) {
      FAIRLEAD_RETURN_IF_ERROR(folder.NodeFeatures(part, type).status());
    }
  }
  for (const GltEdgeType& type : meta.edge_types) {
    FAIRLEAD_RETURN_IF_ERROR(folder.EdgeBook(type).status());
    for (uint32_t part = 0; part < meta.num_partitions; ++part) {
      FAIRLEAD_RETURN_IF_ERROR(folder.Edges(part, type).status());
      FAIRLEAD_RETURN_IF_ERROR(folder.EdgeFeatures(part, type).status());
    }
  }
  return absl::OkStatus();
}

TEST(BadFolders, TheFoldersThatTheyAreMadeFromAreGood) {
  EXPECT_THAT(ReadAll(WriteTestFolder("good", HomogeneousFolder())), IsOk());
  EXPECT_THAT(ReadAll(WriteTestFolder("good", HeterogeneousFolder())), IsOk());
}

TEST(BadFolders, ThereMustBeAFolder) {
  const std::string path = WriteTestFolder("good", HomogeneousFolder());
  EXPECT_THAT(GltFolder::Open(path + "/nowhere"),
              StatusIs(kMissing, HasSubstr(path + "/nowhere: no folder")));
  EXPECT_THAT(GltFolder::Open(path + "/META"),
              StatusIs(kInvalid, HasSubstr("META: is no folder")));
}

struct BadFolder {
  const char* name;
  std::function<void(TestFolder&)> damage;
  absl::StatusCode code;
  std::string file;  // that the message names
  std::string why;
  bool heterogeneous = false;
};

std::ostream& operator<<(std::ostream& out, const BadFolder& bad) {
  return out << bad.name;
}

class BadFolders : public ::testing::TestWithParam<BadFolder> {};

TEST_P(BadFolders, AreRefusedInOneLineWithTheFilesName) {
  const BadFolder& bad = GetParam();
  TestFolder folder =
      bad.heterogeneous ? HeterogeneousFolder() : HomogeneousFolder();
  bad.damage(folder);
  const std::string path =
      WriteTestFolder(absl::StrCat("bad_", bad.name), folder);
  EXPECT_THAT(
      ReadAll(path),
      StatusIs(bad.code, AllOf(HasSubstr(path + "/" + bad.file),
                               HasSubstr(bad.why), Not(HasSubstr("\n")))));
}

std::string NameOf(const TestParamInfo<BadFolder>& info) {
  return info.param.name;
}

// A folder with other bytes in one file.
std::function<void(TestFolder&)> With(const std::string& file,
                                      const std::string& bytes) {
  return [file, bytes](TestFolder& folder) { folder[file] = bytes; };
}

std::function<void(TestFolder&)> Without(const std::string& file) {
  return [file](TestFolder& folder) { folder.erase(file); };
}

// Without what begins so; with an empty file or folder, if one is named.
std::function<void(TestFolder&)> WithoutFolder(const std::string& prefix,
                                               const std::string& empty = "") {
  return [prefix, empty](TestFolder& folder) {
    std::erase_if(folder, [&prefix](const auto& file) {
      return file.first.starts_with(prefix);
    });
    if (!empty.empty()) folder[empty] = "";
  };
}

// os.system("true"), as a pickle has it.
std::string Code() {
  return PyGlobal("os", "system") + "(" + PyStr("true") + "tR.";
}

INSTANTIATE_TEST_SUITE_P(
    MetaAndBooks, BadFolders,
    ::testing::Values(
        BadFolder{"no_meta", Without("META"), kMissing, "META", "no such file"},
        BadFolder{"no_node_book", Without("node_pb.pt"), kMissing, "node_pb.pt",
                  "no such file"},
        BadFolder{"no_book_of_a_type", Without("node_pb/item.pt"), kMissing,
                  "node_pb/item.pt", "no such file", true},
        BadFolder{"no_edge_book", Without("edge_pb/user__buys__item.pt"),
                  kMissing, "edge_pb/user__buys__item.pt", "no such file",
                  true},
        BadFolder{"book_beyond_the_partitions",
                  With("node_pb.pt", TorchSaved(Int64s({0, 1, 2}))), kInvalid,
                  "node_pb.pt", "row 2 is 2, but META says that there are 2"},
        BadFolder{"book_below_0",
                  With("edge_pb.pt", TorchSaved(Int32s({0, -1}))), kInvalid,
                  "edge_pb.pt", "row 1 is -1"},
        BadFolder{"book_of_floats",
                  With("node_pb.pt", TorchSaved(Floats({0, 1}))), kInvalid,
                  "node_pb.pt", "is float32"},
        BadFolder{
            "book_of_two_dimensions",
            With("node_pb.pt", TorchSaved(Shaped(Int64s({0, 1}), {2, 1}))),
            kInvalid, "node_pb.pt", "2 dimensions"},
        BadFolder{"book_of_no_dimension",
                  With("node_pb.pt", TorchSaved(Shaped(Int64s({0}), {}))),
                  kInvalid, "node_pb.pt", "is of shape ()"},
        BadFolder{"book_is_expanded",
                  With("node_pb.pt", TorchSavedExpanded(INT32_MAX)), kInvalid,
                  "node_pb.pt", "tensor.contiguous()"},
        BadFolder{"book_is_a_number",
                  With("node_pb.pt", MakeTorch(PyInt(7) + ".", {})), kInvalid,
                  "node_pb.pt", "is of Python type int"},
        BadFolder{"book_runs_code", With("node_pb.pt", MakeTorch(Code(), {})),
                  kInvalid, "node_pb.pt", "os.system"},
        // What GiGL saves of its range books: an object.
        BadFolder{
            "book_is_an_object",
            With("node_pb.pt", MakeTorch(PyGlobal("graphlearn_torch.partition",
                                                  "RangePartitionBook") +
                                             ")\x81.",
                                         {})),
            kInvalid, "node_pb.pt", "RangePartitionBook"},
        BadFolder{"book_is_text", With("node_pb.pt", "0\n1\n0\n"), kLoss,
                  "node_pb.pt", ""}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Edges, BadFolders,
    ::testing::Values(
        BadFolder{"no_partition", WithoutFolder("part1/"), kMissing, "part1",
                  "there are 2 partitions"},
        BadFolder{"partition_is_a_file", WithoutFolder("part1/", "part1"),
                  kInvalid, "part1", "is no folder"},
        BadFolder{"a_partition_too_many", With("part2/", ""), kInvalid, "part2",
                  "into an empty folder"},
        BadFolder{"no_graph", WithoutFolder("part1/graph/"), kMissing,
                  "part1/graph", "no folder; partition again"},
        BadFolder{"graph_in_one_place", WithoutFolder("part1/graph/", "graph/"),
                  kMissing, "part1/graph", "graph_caching"},
        BadFolder{"no_rows", Without("part0/graph/rows.pt"), kMissing,
                  "part0/graph/rows.pt", "no such file"},
        BadFolder{"no_eids", Without("part0/graph/eids.pt"), kMissing,
                  "part0/graph/eids.pt", "no such file"},
        BadFolder{"rows_run_code",
                  With("part0/graph/rows.pt", MakeTorch(Code(), {})), kInvalid,
                  "part0/graph/rows.pt", "os.system"},
        BadFolder{"fewer_cols",
                  With("part0/graph/cols.pt", TorchSaved(Int64s({1, 2, 5}))),
                  kInvalid, "part0/graph/cols.pt", "has 3; they must"},
        BadFolder{"more_eids",
                  With("part1/graph/eids.pt", TorchSaved(Int64s({2, 3, 5, 6}))),
                  kInvalid, "part1/graph/eids.pt", "has 4; they must"},
        BadFolder{"fewer_weights",
                  With("part1/graph/weights.pt", TorchSaved(Floats({1, 2}))),
                  kInvalid, "part1/graph/weights.pt", "has 2; they must"},
        BadFolder{"weights_are_integers",
                  With("part1/graph/weights.pt", TorchSaved(Int64s({1, 2, 3}))),
                  kInvalid, "part1/graph/weights.pt", "must be float32"},
        BadFolder{"rows_are_floats",
                  With("part1/graph/rows.pt", TorchSaved(Floats({2, 3, 5}))),
                  kInvalid, "part1/graph/rows.pt", "is float32"},
        BadFolder{"rows_of_two_dimensions",
                  With("part1/graph/rows.pt",
                       TorchSaved(Shaped(Int64s({2, 3, 5}), {3, 1}))),
                  kInvalid, "part1/graph/rows.pt", "2 dimensions"},
        BadFolder{"negative_col",
                  With("part1/graph/cols.pt", TorchSaved(Int64s({3, -4, 0}))),
                  kInvalid, "part1/graph/cols.pt", "row 1 is -4"},
        BadFolder{"edges_of_a_type_missing",
                  WithoutFolder("part0/graph/item__bought_by__user/"), kMissing,
                  "part0/graph/item__bought_by__user", "no folder", true}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Features, BadFolders,
    ::testing::Values(
        BadFolder{"no_feats", Without("part1/node_feat/feats.pkl"), kMissing,
                  "part1/node_feat/feats.pkl", "no such file"},
        BadFolder{"no_ids", Without("part1/edge_feat/ids.pt"), kMissing,
                  "part1/edge_feat/ids.pkl", "no such file"},
        BadFolder{"features_are_a_file",
                  WithoutFolder("part1/node_feat/", "part1/node_feat"),
                  kInvalid, "part1/node_feat", "is no folder"},
        BadFolder{"two_versions",
                  With("part1/node_feat/feats.pt", TorchSaved(Floats({}))),
                  kInvalid, "part1/node_feat/feats.pkl", "remove either"},
        BadFolder{"empty_ids", With("part1/node_feat/ids.pkl", ""), kLoss,
                  "part1/node_feat/ids.pkl", "is empty"},
        BadFolder{"fewer_ids",
                  With("part1/node_feat/ids.pkl", Pickled(Int64s({5, 2}))),
                  kInvalid, "part1/node_feat/ids.pkl", "has 2 rows"},
        BadFolder{"an_id_twice",
                  With("part0/node_feat/ids.pkl",
                       Pickled(Int64s({4, 1})) + Pickled(Int64s({4}))),
                  kInvalid, "part0/node_feat/ids.pkl",
                  "rows 0 and 2 are both id 4"},
        BadFolder{"negative_id",
                  With("part0/node_feat/ids.pkl",
                       Pickled(Int64s({0, 1})) + Pickled(Int64s({-4}))),
                  kInvalid, "part0/node_feat/ids.pkl, pickle 1", "row 0 is -4"},
        BadFolder{"float_ids",
                  With("part1/node_feat/ids.pkl", Pickled(Floats({5, 2, 3}))),
                  kInvalid, "part1/node_feat/ids.pkl", "is float32"},
        BadFolder{"chunks_of_two_widths",
                  With("part0/node_feat/feats.pkl",
                       Pickled(Shaped(Floats({0, 1, 2, 3}), {2, 2})) +
                           Pickled(Shaped(Floats({4, 4, 4}), {1, 3}))),
                  kInvalid, "part0/node_feat/feats.pkl, pickle 1",
                  "rows of 3 elements"},
        BadFolder{"chunks_of_two_dtypes",
                  With("part0/node_feat/feats.pkl",
                       Pickled(Shaped(Floats({0, 1, 2, 3}), {2, 2})) +
                           Pickled(Shaped(Int32s({4, 4}), {1, 2}))),
                  kInvalid, "part0/node_feat/feats.pkl, pickle 1",
                  "is int32, and those before it float32"},
        BadFolder{"chunk_of_one_dimension",
                  With("part0/node_feat/feats.pkl",
                       Pickled(Shaped(Floats({0, 1}), {2, 1})) +
                           Pickled(Floats({4}))),
                  kInvalid, "part0/node_feat/feats.pkl, pickle 1",
                  "in 1 dimensions"},
        BadFolder{"features_of_one_dimension",
                  With("part1/node_feat/feats.pkl", Pickled(Floats({5, 2, 3}))),
                  kInvalid, "part1/node_feat/feats.pkl", "must have 2"},
        BadFolder{"features_without_columns",
                  With("part1/node_feat/feats.pkl",
                       Pickled(Shaped(Floats({}), {3, 0}))),
                  kInvalid, "part1/node_feat/feats.pkl", "without columns"},
        BadFolder{"chunk_runs_code",
                  With("part1/node_feat/feats.pkl",
                       Pickled(Shaped(Floats({5, 2, 3}), {3, 1})) + Code()),
                  kInvalid, "part1/node_feat/feats.pkl, pickle 1", "os.system"},
        BadFolder{"chunk_is_a_list", With("part1/node_feat/feats.pkl", "]."),
                  kInvalid, "part1/node_feat/feats.pkl, pickle 0",
                  "Python type list"},
        BadFolder{
            "chunk_cut_short",
            [](TestFolder&
                   folder) { folder["part0/node_feat/feats.pkl"].pop_back(); },
            kLoss, "part0/node_feat/feats.pkl, pickle 1", ""}),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Caches, BadFolders,
    ::testing::Values(
        BadFolder{"cache_without_ids", Without("part0/node_feat/cache_ids.pt"),
                  kMissing, "part0/node_feat/cache_ids.pt", "no such file"},
        BadFolder{"cache_without_feats",
                  Without("part0/node_feat/cache_feats.pt"), kMissing,
                  "part0/node_feat/cache_feats.pt", "no such file"},
        BadFolder{"cache_of_another_length",
                  With("part0/node_feat/cache_ids.pt", TorchSaved(Int64s({5}))),
                  kInvalid, "part0/node_feat/cache_ids.pt", "has 1 rows"},
        BadFolder{"cache_of_another_width",
                  With("part0/node_feat/cache_feats.pt",
                       TorchSaved(Shaped(Floats({5, 2}), {2, 1}))),
                  kInvalid, "part0/node_feat/cache_feats.pt",
                  "has 1 columns of float32"},
        BadFolder{"cache_of_another_dtype",
                  With("part0/node_feat/cache_feats.pt",
                       TorchSaved(Shaped(Int32s({5, 5, 2, 2}), {2, 2}))),
                  kInvalid, "part0/node_feat/cache_feats.pt",
                  "has 2 columns of int32"},
        BadFolder{
            "cached_id_twice",
            With("part0/node_feat/cache_ids.pt", TorchSaved(Int64s({5, 5}))),
            kInvalid, "part0/node_feat/cache_ids.pt",
            "rows 0 and 1 are both id 5"}),
    NameOf);

}  // namespace
}  // namespace fairlead
