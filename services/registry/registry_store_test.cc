#include "services/registry/registry_store.h"

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "services/registry/fake_registry_store.h"
#include "services/registry/sqlite_store.h"
#include "services/registry/store_contract_test.h"
#include "services/registry/store_records_matcher.h"
#include "sqlite3.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string FileOf(const std::string& test_name) {
  // A parametrised test has a slash in its name.
  return absl::StrCat(::testing::TempDir(), "/",
                      absl::StrReplaceAll(test_name, {{"/", "_"}}), ".db");
}

std::unique_ptr<RegistryStore> OpenSqlite(const std::string& test_name) {
  return OpenSqliteStore(FileOf(test_name)).value();
}

std::unique_ptr<RegistryStore> OpenFake(const std::string& test_name) {
  static Mutex mutex;
  static auto& media = *new std::map<std::string, FakeRegistryStore::Medium>;
  MutexLock lock(&mutex);
  return std::make_unique<FakeRegistryStore>(&media[test_name]);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContractTest,
                         ::testing::Values(StoreCase{"Sqlite", OpenSqlite},
                                           StoreCase{"Fake", OpenFake}),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Stores, SharedStoreContractTest,
                         ::testing::Values(StoreCase{"Fake", OpenFake}),
                         [](const auto& info) { return info.param.name; });

TEST(SqliteStoreTest, SecondRegistryOnTheFileIsRefused) {
  const std::string file = FileOf("Second");
  const auto first = OpenSqliteStore(file);
  ASSERT_THAT(first, testing::IsOk());
  EXPECT_THAT(OpenSqliteStore(file),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(file), HasSubstr("another registry"))));
}

TEST(SqliteStoreTest, NextRegistryHasItWhenTheFirstIsGone) {
  const std::string file = FileOf("Next");
  ASSERT_THAT(OpenSqliteStore(file), testing::IsOk());
  EXPECT_THAT(OpenSqliteStore(file), testing::IsOk());
}

// As `sqlite3 FILE ".backup COPY"` does.
TEST(SqliteStoreTest, IsBackedUpWhileARegistryHasIt) {
  const std::string file = FileOf("BackedUp");
  const std::string copy = FileOf("Copy");
  auto store = OpenSqliteStore(file).value();
  ASSERT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "1"}}, 0),
              testing::IsOk());
  sqlite3* from = nullptr;
  sqlite3* to = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &from), SQLITE_OK);
  ASSERT_EQ(sqlite3_open(copy.c_str(), &to), SQLITE_OK);
  sqlite3_backup* const backup = sqlite3_backup_init(to, "main", from, "main");
  ASSERT_NE(backup, nullptr) << sqlite3_errmsg(to);
  EXPECT_EQ(sqlite3_backup_step(backup, -1), SQLITE_DONE);
  // It commits meanwhile.
  EXPECT_THAT(store->Commit(std::vector<StoreWrite>{{"a", "2"}}, 1),
              testing::IsOk());
  EXPECT_EQ(sqlite3_backup_finish(backup), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(from), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(to), SQLITE_OK);
  EXPECT_THAT(OpenSqliteStore(copy).value()->Load(),
              HoldsRecords(StoreRecords{{"a", "1"}}));
  EXPECT_THAT(store->Load(), HoldsRecords(StoreRecords{{"a", "2"}}));
}

TEST(SqliteStoreTest, MissingFolderIsNamed) {
  EXPECT_THAT(OpenSqliteStore("/no/such/folder/x.db"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/no/such/folder/x.db")));
}

TEST(SqliteStoreTest, FileOfAnotherKindIsRefusedAndLeftAlone) {
  const std::string file = FileOf("NotADatabase");
  const std::string text(4096, 'x');
  std::ofstream(file) << text;
  EXPECT_THAT(OpenSqliteStore(file),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
}

}  // namespace
}  // namespace fairlead
