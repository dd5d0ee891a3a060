#include "tools/dataset/output_folder.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

class OutputFolderTest : public ::testing::Test {
 protected:
  OutputFolderTest()
      : root_(fs::path(::testing::TempDir()) / "output_folder_test") {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~OutputFolderTest() override { fs::remove_all(root_); }

  std::string Path(const std::string& name) const {
    return (root_ / name).string();
  }

  static void Write(const std::string& path) { std::ofstream(path) << "x"; }

  // The names within a folder.
  static std::set<std::string> Names(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  // Makes `out` with one file in it.
  static absl::Status Make(const std::string& out, bool overwrite,
                           const std::string& file) {
    absl::StatusOr<OutputFolder> folder = OutputFolder::Create(out, overwrite);
    if (!folder.ok()) return folder.status();
    Write(absl::StrCat(folder->path(), "/", file));
    return folder->Commit();
  }

  const fs::path root_;
};

TEST_F(OutputFolderTest, AppearsUnderItsNameOnlyOnceCommitted) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(OutputFolder folder,
                                OutputFolder::Create(Path("a/b"), false));
  Write(absl::StrCat(folder.path(), "/file"));
  EXPECT_FALSE(fs::exists(Path("a/b")));
  ASSERT_THAT(folder.Commit(), IsOk());
  EXPECT_THAT(Names(Path("a")), ElementsAre("b"));
  EXPECT_THAT(Names(Path("a/b")), ElementsAre("file"));
}

TEST_F(OutputFolderTest, LeavesNothingWhenItIsNotCommitted) {
  {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(OutputFolder folder,
                                  OutputFolder::Create(Path("out"), false));
    Write(absl::StrCat(folder.path(), "/file"));
    const OutputFolder moved = std::move(folder);
  }
  EXPECT_THAT(Names(root_), IsEmpty());
}

TEST_F(OutputFolderTest, TakesThePlaceOfAnEmptyFolder) {
  fs::create_directories(Path("out"));
  EXPECT_THAT(Make(Path("out/"), /*overwrite=*/false, "file"), IsOk());
  EXPECT_THAT(Names(Path("out")), ElementsAre("file"));
}

TEST_F(OutputFolderTest, RefusesAFolderWithSomethingInIt) {
  ASSERT_THAT(Make(Path("out"), false, "dataset.json"), IsOk());
  EXPECT_THAT(
      Make(Path("out"), false, "file"),
      StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--overwrite")));
  EXPECT_THAT(Names(Path("out")), ElementsAre("dataset.json"));
}

TEST_F(OutputFolderTest, OverwritesADatasetWhenAskedTo) {
  ASSERT_THAT(Make(Path("out"), false, "dataset.json"), IsOk());
  EXPECT_THAT(Make(Path("out"), /*overwrite=*/true, "file"), IsOk());
  EXPECT_THAT(Names(Path("out")), ElementsAre("file"));
}

TEST_F(OutputFolderTest, NeverOverwritesWhatIsNoDataset) {
  ASSERT_THAT(Make(Path("home"), false, "thesis.tex"), IsOk());
  EXPECT_THAT(Make(Path("home"), /*overwrite=*/true, "file"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("holds no dataset")));
  EXPECT_THAT(Make(Path("home/thesis.tex"), /*overwrite=*/true, "file"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Names(Path("home")), ElementsAre("thesis.tex"));
}

// "Beside it" must not be within it, or what was made goes with what was there.
TEST_F(OutputFolderTest, TakesPathsWithDots) {
  fs::create_directories(Path("out/inner"));
  fs::remove(Path("out/inner"));
  EXPECT_THAT(Make(Path("out/."), false, "dataset.json"), IsOk());
  EXPECT_THAT(Names(Path("out")), ElementsAre("dataset.json"));
  EXPECT_THAT(Make(Path("out/../out/./"), /*overwrite=*/true, "file"), IsOk());
  EXPECT_THAT(Names(Path("out")), ElementsAre("file"));
  EXPECT_THAT(Names(root_), ElementsAre("out"));
}

TEST_F(OutputFolderTest, RefusesNoNameAndTheRoot) {
  EXPECT_THAT(Make("", false, "file"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--out")));
  EXPECT_THAT(Make("/", /*overwrite=*/true, "file"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(OutputFolderTest, SaysThatItCannotBeMadeBelowAFile) {
  Write(Path("file"));
  EXPECT_THAT(
      Make(Path("file/out"), false, "file"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file/out")));
}

}  // namespace
}  // namespace fairlead
