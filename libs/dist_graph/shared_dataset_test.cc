#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/table.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

constexpr int64_t kColumns = 256;

// `rows` KiB of features.
DatasetContents Wide(int64_t rows) {
  DatasetContents contents;
  contents.name = "wide";
  contents.nodes = {{.name = "n", .num_nodes = rows, .feature_dim = kColumns}};
  contents.nodes[0].features.assign(static_cast<size_t>(rows * kColumns), 0.5F);
  contents.edges = {{.name = {"n", "to", "n"}, .edges = {{0, 0}}}};
  return contents;
}

// Runs `function` in a forked process and gives its answer; 0 is all well.
int RunInChild(const std::function<int()>& function) {
  const pid_t child = fork();
  // No destructors: the child ends as one that is killed does.
  if (child == 0) _exit(function());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int64_t AnonymousKilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kilobytes = 0;
  while (status >> word && word != "RssAnon:") {
  }
  status >> kilobytes;
  return kilobytes;
}

class SharedDatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/shared-dataset-",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  // Folders that datasets have in folder_.
  std::vector<std::string> Folders() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::string folder_;
};

TEST_F(SharedDatasetTest, FolderGoesWithTheLastCopyAndWhatIsMappedStays) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DistDataset made,
                                DistDataset::Create(Wide(64), folder_));
  std::optional<DistDataset> first = std::move(made);
  std::optional<DistDataset> second = first;
  const std::string handle = first->ShareIpc();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset mapped,
                                DistDataset::FromIpcHandle(handle));
  first.reset();
  EXPECT_THAT(Folders(), SizeIs(1));
  second.reset();
  EXPECT_THAT(Folders(), IsEmpty());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FeatureRows rows,
                                mapped.node_features().Get({63}));
  EXPECT_EQ(rows.As<float>()[kColumns - 1], 0.5F);
  EXPECT_THAT(DistDataset::FromIpcHandle(handle),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_)));
}

TEST_F(SharedDatasetTest, FoldersOfTheDeadAreRemovedAndThoseOfTheLivingStay) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset mine,
                                DistDataset::Create(Wide(1), folder_));
  const std::vector<std::string> living = Folders();
  ASSERT_THAT(living, SizeIs(1));
  // Its locks are those of this process, too, until it is gone.
  EXPECT_EQ(RunInChild([this] {
              static const auto* const leaked =
                  new auto(DistDataset::Create(Wide(2), folder_));
              return leaked->ok() ? 0 : 1;
            }),
            0);
  EXPECT_THAT(Folders(), SizeIs(2));
  // What is not a dataset's is nobody's to remove.
  fs::create_directory(folder_ + "/other");
  fs::create_directory(folder_ + "/fairlead-dataset-unlocked");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset next,
                                DistDataset::Create(Wide(3), folder_));
  EXPECT_THAT(Folders(), SizeIs(4));
  EXPECT_TRUE(fs::exists(folder_ + "/" + living[0] + "/dataset.json"));
  EXPECT_THAT(mine.node_features().Get({0}), IsOk());
}

// Parity GL-025, GL-026.
TEST_F(SharedDatasetTest, AnotherProcessMapsItWithoutACopy) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Create(Wide(64 << 10), folder_));
  const std::string handle = dataset.ShareIpc();
  EXPECT_LT(handle.size(), 1'000U);
  EXPECT_EQ(RunInChild([&handle] {
              const int64_t before = AnonymousKilobytes();
              const auto mapped = DistDataset::FromIpcHandle(handle);
              if (!mapped.ok()) return 1;
              const Table& table =
                  mapped->dataset().node_types()[0].features->table;
              float sum = 0;
              for (int64_t row = 0; row < table.rows; ++row) {
                sum += *reinterpret_cast<const float*>(table.Row(row));
              }
              if (sum != 0.5F * (64 << 10)) return 2;
              return AnonymousKilobytes() - before < 4 << 10 ? 0 : 3;
            }),
            0);
}

TEST_F(SharedDatasetTest, HandleOfFilesThatWereReplacedIsRefused) {
  ASSERT_THAT(WriteDataset(folder_, Wide(2)), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Load(folder_, 0));
  const std::string handle = dataset.ShareIpc();
  EXPECT_THAT(DistDataset::FromIpcHandle(handle), IsOk());
  ASSERT_THAT(WriteDataset(folder_, Wide(1'000)), IsOk());
  EXPECT_THAT(DistDataset::FromIpcHandle(handle),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("share it again")));
}

TEST_F(SharedDatasetTest, WhatIsNoHandleIsRefused) {
  ASSERT_THAT(WriteDataset(folder_, Wide(4)), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(DistDataset dataset,
                                DistDataset::Load(folder_, 0));
  ASSERT_THAT(dataset.RandomNodeSplit(1, 1, 9), IsOk());
  const std::string good = dataset.ShareIpc();
  ASSERT_THAT(DistDataset::FromIpcHandle(good), IsOk());
  std::vector<std::string> bad = {
      "", "x", "7", "[]", "{}", "null", good.substr(0, good.size() / 2)};
  const std::pair<const char*, const char*> changes[] = {
      {"dataset_handle.v1", "dataset_handle.v2"},
      {"\"format\":", "\"formal\":"},
      {"\"directory\":\"", "\"directory\":7,\"d\":\""},
      {"\"fingerprint\":\"", "\"fingerprint\":[],\"f\":\""},
      {"\"partition\":0", "\"partition\":-1"},
      {"\"partition\":0", "\"partition\":0.5"},
      {"\"partition\":0", "\"partition\":\"0\""},
      {"\"partition\":0", "\"partition\":4294967296"},  // 0 in 32 bits
      {"\"splits\":[", "\"splits\":7,\"s\":["},
      {"\"splits\":[", "\"splits\":[7,"},
      {"\"seed\":9", "\"seed\":\"9\""},
      {"\"seed\":9", "\"seed\":-9"},
      {"\"seed\":9", "\"sead\":9"},
      {"\"node_type\":\"n\"", "\"node_type\":{}"},
      {"\"num_val\":1", "\"num_val\":null"},
      {"\"num_test\":1", "\"num_test\":[1]"}};
  for (const auto& [from, to] : changes) {
    ASSERT_THAT(good, HasSubstr(from));
    bad.push_back(absl::StrReplaceAll(good, {{from, to}}));
  }
  for (const std::string& handle : bad) {
    EXPECT_THAT(
        DistDataset::FromIpcHandle(handle),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ShareIpc")))
        << handle;
  }
  const auto with = [&good](const char* from, const char* to) {
    return DistDataset::FromIpcHandle(absl::StrReplaceAll(good, {{from, to}}));
  };
  EXPECT_THAT(with("\"partition\":0", "\"partition\":1"),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(with("\"node_type\":\"n\"", "\"node_type\":\"m\""),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(with("\"num_val\":1", "\"num_val\":50"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// JSON has no place for it: a handle that leads nowhere, but no exception.
TEST_F(SharedDatasetTest, FolderWhoseNameIsNoTextMakesNoUsefulHandle) {
  const std::string odd = folder_ + "/\xFF";
  fs::create_directory(odd);
  ASSERT_THAT(WriteDataset(odd, Wide(1)), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const DistDataset dataset,
                                DistDataset::Load(odd, 0));
  EXPECT_THAT(DistDataset::FromIpcHandle(dataset.ShareIpc()),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
