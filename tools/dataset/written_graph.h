#ifndef FAIRLEAD_TOOLS_DATASET_WRITTEN_GRAPH_H_
#define FAIRLEAD_TOOLS_DATASET_WRITTEN_GRAPH_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/graph/dataset.h"
#include "libs/status/status_matchers.h"

// For tests of what writes a synthetic graph into a folder.
namespace fairlead::testing {

using WriteGraph = std::function<absl::Status(const std::string& folder)>;

inline void NoProgress(uint64_t, uint64_t) {}

inline std::string NewFolder(const std::string& name) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

inline std::unique_ptr<const Dataset> LoadWritten(const WriteGraph& write) {
  const std::string folder = NewFolder("graph");
  EXPECT_THAT(write(folder), IsOk());
  absl::StatusOr<std::unique_ptr<const Dataset>> dataset =
      Dataset::Load(folder);
  EXPECT_THAT(dataset, IsOk());
  return *std::move(dataset);
}

// The bytes of every file that it writes.
inline std::map<std::string, std::string> FilesWritten(
    const WriteGraph& write) {
  const std::string folder = NewFolder("files");
  EXPECT_THAT(write(folder), IsOk());
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = {
        std::istreambuf_iterator<char>(file), {}};
  }
  return files;
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_TOOLS_DATASET_WRITTEN_GRAPH_H_
