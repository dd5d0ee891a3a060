#ifndef FAIRLEAD_SERVICES_REGISTRY_ETCD_CLUSTER_H_
#define FAIRLEAD_SERVICES_REGISTRY_ETCD_CLUSTER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/child_process/child_process.h"
#include "libs/rpc/security.h"
#include "third_party/etcd/rpc.pb.h"

namespace fairlead::testing {

// A real etcd cluster on free ports, for tests: one process for each
// member, which may be killed, stopped and started again. Thread-compatible.
//
//   if (!EtcdCluster::IsInstalled()) GTEST_SKIP() << EtcdCluster::kWhySkipped;
//   auto etcd = EtcdCluster::Start(3, folder);
//   auto store = OpenEtcdStore({.endpoints = (*etcd)->endpoints()});
//   (*etcd)->Kill((*etcd)->Leader().value());
class EtcdCluster {
 public:
  static constexpr absl::string_view kWhySkipped =
      "no program etcd: install the package etcd-server";
  static bool IsInstalled();

  // Starts that many members, in `folder`, and returns when they serve. What
  // they say is in `folder`/etcd-*.log. Must not be called from a thread that
  // ends before the cluster. NOT_FOUND if no etcd is installed.
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> Start(
      size_t members, const std::string& folder) {
    return Start(std::vector<Host>(members), folder);
  }

  // The same with a member on each of these hosts.
  struct Host {
    std::string address = "127.0.0.1";
    std::vector<std::string> launcher = {};  // runs what follows there
  };
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> Start(
      const std::vector<Host>& hosts, const std::string& folder) {
    return Start(hosts, folder, Tls());
  }

  // The same over TLS: only clients with a certificate of `ca` are served.
  struct Tls {
    std::string cert = {};  // files
    std::string key = {};
    std::string ca = {};
    std::shared_ptr<rpc::Security> security = nullptr;  // that it is asked with
  };
  static absl::StatusOr<std::unique_ptr<EtcdCluster>> Start(
      const std::vector<Host>& hosts, const std::string& folder,
      const Tls& tls);

  // host:port of each member.
  const std::vector<std::string>& endpoints() const { return endpoints_; }
  // As a registry's flag names it.
  std::string store_spec(absl::string_view prefix) const;

  // With SIGKILL; returns when it is gone.
  void Kill(size_t member);
  // Starts it again, as it was and where it was; returns when it answers.
  absl::Status Restart(size_t member);
  // With SIGSTOP; returns when it stands still.
  void Pause(size_t member);
  void Resume(size_t member);

  // Which member leads, as one that answers says.
  absl::StatusOr<size_t> Leader();

  // Forgets all history before now.
  absl::Status Compact();

 private:
  EtcdCluster() = default;
  absl::Status StartMember(size_t member);

  absl::StatusOr<etcdserverpb::StatusResponse> StatusOf(
      const std::string& endpoint, bool wait_until_it_answers) const;

  std::string folder_;
  std::shared_ptr<rpc::Security> security_;
  std::vector<std::string> endpoints_;
  std::vector<std::vector<std::string>> commands_;
  std::vector<std::optional<ChildProcess>> processes_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_SERVICES_REGISTRY_ETCD_CLUSTER_H_
