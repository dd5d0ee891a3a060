#include "services/registry/open_store.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::HasSubstr;

// What opens an etcd is in etcd_store_test.cc.
TEST(OpenStoreTest, OpensFilesAndMemory) {
  EXPECT_THAT(OpenStore(":memory:"), IsOk());
  EXPECT_THAT(OpenStore(::testing::TempDir() + "/open_store.db"), IsOk());
}

TEST(OpenStoreTest, GivesExamplesToWhoNamesNeither) {
  for (const char* spec : {"", "http://127.0.0.1:2379", "etcd:/127.0.0.1://"}) {
    EXPECT_THAT(OpenStore(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("etcd://10.0.0.1:2379")))
        << spec;
  }
}

TEST(OpenStoreTest, RefusesEndpointsThatAreNone) {
  for (const char* spec :
       {"etcd://", "etcd:///prefix", "etcd://no-port/prefix"}) {
    EXPECT_THAT(OpenStore(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("host:port")))
        << spec;
  }
}

}  // namespace
}  // namespace fairlead
