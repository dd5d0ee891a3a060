// A store in an etcd that speaks TLS, and serves only whom it trusts.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/rpc/security.h"
#include "libs/security/test_authority.h"
#include "libs/status/status_matchers.h"
#include "services/registry/etcd_cluster.h"
#include "services/registry/etcd_store.h"
#include "services/registry/etcd_store_fixture.h"
#include "services/registry/open_store.h"
#include "services/registry/registry_store.h"
#include "services/registry/store_records_matcher.h"

namespace fairlead {
namespace {

using ::fairlead::testing::Calls;
using ::fairlead::testing::EtcdCluster;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::KeyPair;
using ::fairlead::testing::OptionsFor;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::TestAuthority;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EtcdStoreTlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
    std::filesystem::remove_all(folder_);
    StartEtcd("IP:127.0.0.1");
  }

  void StartEtcd(const std::string& san) {
    std::filesystem::create_directories(folder_);
    const KeyPair pair = authority_.Issue(san);
    const EtcdCluster::Tls tls = {
        .cert = Write("etcd.crt", pair.certificate),
        .key = Write("etcd.key", pair.key),
        .ca = Write("ca.crt", authority_.certificate()),
        .security = As(authority_, "registry")};
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        etcd_,
        EtcdCluster::Start(std::vector<EtcdCluster::Host>(1), folder_, tls));
  }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  // What the flags of a registry make.
  std::shared_ptr<rpc::Security> As(const TestAuthority& authority,
                                    const std::string& identity) const {
    static int number = 0;
    const std::string mine =
        absl::StrCat(folder_, "/", identity, "-", ++number);
    authority.IssueTo(mine, identity);
    return rpc::Security::Create({.tls_cert = mine + "/tls.crt",
                                  .tls_key = mine + "/tls.key",
                                  .tls_ca = mine + "/ca.crt",
                                  .token_file = {},
                                  .tokens = {}})
        .value();
  }

  EtcdOptions Options(std::shared_ptr<rpc::Security> security,
                      absl::Duration deadline) const {
    EtcdOptions options = OptionsFor(*etcd_, "tls");
    options.security = std::move(security);
    options.call_deadline = deadline;
    return options;
  }

  const std::string folder_ = ::testing::TempDir() + "/etcd_store_tls";
  const TestAuthority authority_;
  std::unique_ptr<EtcdCluster> etcd_;
};

// Reached only by what is refused.
constexpr absl::Duration kSoon = absl::Seconds(2);

TEST_F(EtcdStoreTlsTest, KeepsRecordsAndHearsOfOthers) {
  const auto security = As(authority_, "registry");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto store,
      OpenStore(etcd_->store_spec("/tls"), As(authority_, "registry")));
  auto other = OpenEtcdStore(Options(security, absl::Minutes(1))).value();
  Calls calls;
  other->Watch(calls.Counter());
  ASSERT_THAT(store->HoldRegistry(1), IsOk());
  const auto revision = store->Commit(std::vector<StoreWrite>{{"a", "1"}}, 0);
  ASSERT_THAT(revision, IsOk());
  EXPECT_TRUE(calls.AwaitUntil([&] {
    const auto changes = other->ReadChanges(0);
    return changes.ok() && changes->revision == *revision;
  }));
  EXPECT_THAT(other->Load(), HoldsRecords(StoreRecords{{"a", "1"}}));
  EXPECT_THAT(other->LiveRegistries(), IsOkAndHolds(ElementsAre(1)));
  other.reset();
}

TEST_F(EtcdStoreTlsTest, EtcdOfAnotherAuthorityIsNotTrusted) {
  const TestAuthority other;
  EXPECT_THAT(
      OpenEtcdStore(Options(As(other, "registry"), kSoon)),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr(etcd_->endpoints()[0]),
                     HasSubstr("handshake failed"), HasSubstr("--tls_ca"))));
}

TEST_F(EtcdStoreTlsTest, EtcdMustBeWhoItsAddressSays) {
  etcd_.reset();
  StartEtcd("DNS:etcd.example.org,IP:127.0.0.1");
  EtcdOptions options = Options(As(authority_, "registry"), kSoon);
  const std::string port =
      etcd_->endpoints()[0].substr(etcd_->endpoints()[0].rfind(':'));
  options.endpoints = {"localhost" + port};  // which it does not name
  EXPECT_THAT(
      OpenEtcdStore(options),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("localhost" + port), HasSubstr("--tls_ca"))));
}

TEST_F(EtcdStoreTlsTest, PlainTextIsRefused) {
  EXPECT_THAT(
      OpenEtcdStore(Options(nullptr, kSoon)),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr(etcd_->endpoints()[0]), HasSubstr("etcds://"))));
}

}  // namespace
}  // namespace fairlead
