#ifndef FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_
#define FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "services/registry/registry_store.h"

// What every RegistryStore must do. A store's test instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContractTest, Values(...));
namespace fairlead {

struct StoreCase {
  std::string name;
  // Opens the same store again each time it is called within one test, as a
  // restarted registry would; `test_name` tells tests apart.
  std::function<std::unique_ptr<RegistryStore>(const std::string& test_name)>
      open;

  friend std::ostream& operator<<(std::ostream& os, const StoreCase& c) {
    return os << c.name;
  }
};

class StoreContractTest : public ::testing::TestWithParam<StoreCase> {
 protected:
  std::unique_ptr<RegistryStore> Open() {
    return GetParam().open(
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
};

using StoreContents = std::map<std::string, std::string>;

TEST_P(StoreContractTest, IsEmptyWhenNew) {
  EXPECT_THAT(Open()->Load(),
              testing::IsOkAndHolds(::testing::Eq(StoreContents{})));
}

TEST_P(StoreContractTest, KeepsWhatWasWrittenOverARestart) {
  const std::string binary("\0\xff\n", 3);
  {
    auto store = Open();
    ASSERT_THAT(
        store->Commit(std::vector<StoreWrite>{{"a", "1"}, {"b", binary}}),
        testing::IsOk());
  }
  EXPECT_THAT(Open()->Load(), testing::IsOkAndHolds(::testing::Eq(
                                  StoreContents{{"a", "1"}, {"b", binary}})));
}

TEST_P(StoreContractTest, LaterWritesReplaceAndDelete) {
  auto store = Open();
  ASSERT_THAT(
      store->Commit(std::vector<StoreWrite>{{"a", "1"}, {"b", "2"}, {"c", ""}}),
      testing::IsOk());
  ASSERT_THAT(store->Commit(std::vector<StoreWrite>{
                  {"a", "3"}, {"b", std::nullopt}, {"none", std::nullopt}}),
              testing::IsOk());
  EXPECT_THAT(store->Load(), testing::IsOkAndHolds(::testing::Eq(
                                 StoreContents{{"a", "3"}, {"c", ""}})));
}

TEST_P(StoreContractTest, WritesOfOneCommitTakeEffectInOrder) {
  auto store = Open();
  ASSERT_THAT(store->Commit(std::vector<StoreWrite>{
                  {"a", "1"}, {"a", std::nullopt}, {"a", "2"}}),
              testing::IsOk());
  EXPECT_THAT(store->Load(),
              testing::IsOkAndHolds(::testing::Eq(StoreContents{{"a", "2"}})));
}

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_STORE_CONTRACT_TEST_H_
