// A dataset that is none stops its sampler pool with one line, which names the
// file and what is wrong with it.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/fails_saying.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/npy.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::FailsSaying;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeLibrary;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::RunProgram;
using ::testing::HasSubstr;

struct BadDataset {
  std::string name;
  // What is done to the library of MakeLibrary, and what is said of it.
  std::function<void(const std::string& folder, const DatasetManifest&)> spoil;
  std::vector<std::string> says;

  friend std::ostream& operator<<(std::ostream& out, const BadDataset& bad) {
    return out << bad.name;
  }
};

class BadDatasetTest : public ::testing::TestWithParam<BadDataset> {};

// The manifest's entry for papers, and for citations.
const NodeTypeManifest& Paper(const DatasetManifest& manifest) {
  return *std::find_if(manifest.node_types.begin(), manifest.node_types.end(),
                       [](const auto& type) { return type.name == "paper"; });
}
const EdgeTypeManifest& Cites(const DatasetManifest& manifest) {
  return *std::find_if(
      manifest.edge_types.begin(), manifest.edge_types.end(),
      [](const auto& type) { return type.name.relation == "cites"; });
}

void RewriteIds(const std::string& path,
                const std::function<void(std::vector<int64_t>&)>& change) {
  std::vector<int64_t> ids;
  {
    const auto file = NpyFile::Open(path);
    ASSERT_THAT(file, IsOk());
    // Written as narrow as they fit.
    if (file->dtype() == "u4") {
      const auto span = file->As<uint32_t>();
      ids.assign(span.begin(), span.end());
    } else {
      const auto span = file->As<int64_t>();
      ids.assign(span.begin(), span.end());
    }
  }
  change(ids);
  ASSERT_THAT(
      WriteNpy<int64_t>(path, "i8", {static_cast<int64_t>(ids.size())}, ids),
      IsOk());
}

TEST_P(BadDatasetTest, StopsTheSamplerPoolWithOneLine) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeLibrary());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest,
                                ReadManifest(dataset));
  GetParam().spoil(dataset, manifest);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const Outcome outcome,
      RunProgram("services/sampler_pool",
                 {absl::StrCat("--dataset=", dataset), "--listen=127.0.0.1:0",
                  "--metrics_listen=127.0.0.1:0",
                  absl::StrCat("--shm_dir=", NewFolder())}));
  for (const std::string& text : GetParam().says) {
    EXPECT_THAT(outcome, FailsSaying(HasSubstr(text)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    BadInput, BadDatasetTest,
    ::testing::Values(
        BadDataset{"MissingDataset",
                   [](const std::string& folder, const DatasetManifest&) {
                     std::filesystem::remove_all(folder);
                   },
                   {"sampler_pool: NOT_FOUND", "dataset.json"}},
        BadDataset{"MissingFile",
                   [](const std::string& folder, const DatasetManifest& all) {
                     std::filesystem::remove(folder + "/" + Paper(all).labels);
                   },
                   {"NOT_FOUND", "paper.labels.npy"}},
        BadDataset{"TruncatedNpy",
                   [](const std::string& folder, const DatasetManifest& all) {
                     const std::string file =
                         folder + "/" + Paper(all).features->file;
                     std::filesystem::resize_file(
                         file, std::filesystem::file_size(file) - 1);
                   },
                   {"INVALID_ARGUMENT", "paper.features.npy", "truncated"}},
        BadDataset{"EmptyNpy",
                   [](const std::string& folder, const DatasetManifest& all) {
                     std::filesystem::resize_file(
                         folder + "/" + Cites(all).out->indptr, 0);
                   },
                   {"INVALID_ARGUMENT", "indptr.npy"}},
        BadDataset{"WrongDtype",
                   [](const std::string& folder, const DatasetManifest& all) {
                     const std::vector<double> features(600 * 8);
                     ASSERT_THAT(WriteNpy<double>(
                                     folder + "/" + Paper(all).features->file,
                                     "f8", {600, 8}, features),
                                 IsOk());
                   },
                   {"INVALID_ARGUMENT", "paper.features.npy", "float32", "f8"}},
        BadDataset{
            "FeatureRowsThatAreNotTheNodes",
            [](const std::string& folder, const DatasetManifest& all) {
              const std::vector<float> features(599 * 8);
              ASSERT_THAT(
                  WriteNpy<float>(folder + "/" + Paper(all).features->file,
                                  "f4", {599, 8}, features),
                  IsOk());
            },
            {"INVALID_ARGUMENT", "paper.features.npy", "599 rows", "600"}},
        BadDataset{
            "EdgeOutOfRange",
            [](const std::string& folder, const DatasetManifest& all) {
              RewriteIds(folder + "/" + Cites(all).out->indices,
                         [](auto& ids) { ids[5] = 600; });
            },
            {"INVALID_ARGUMENT", "indices.npy", "[5] is 600", "ids below 600"}},
        BadDataset{"NegativeEdge",
                   [](const std::string& folder, const DatasetManifest& all) {
                     RewriteIds(folder + "/" + Cites(all).out->indices,
                                [](auto& ids) { ids[5] = -1; });
                   },
                   {"INVALID_ARGUMENT", "indices.npy", "[5] is -1"}},
        BadDataset{"SplitOutOfRange",
                   [](const std::string& folder, const DatasetManifest& all) {
                     RewriteIds(folder + "/" + Paper(all).train,
                                [](auto& ids) { ids[0] = 1 << 20; });
                   },
                   {"INVALID_ARGUMENT", "paper.train.npy", "[0] is 1048576"}}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace fairlead
