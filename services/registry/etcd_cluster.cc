#include "services/registry/etcd_cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "libs/child_process/child_process.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "services/registry/etcd_client.h"
#include "third_party/etcd/rpc.grpc.pb.h"

namespace fairlead::testing {
namespace {

// Long, since it is reached only by what is broken.
constexpr absl::Duration kPatience = absl::Minutes(1);

std::optional<std::string> FindProgram() {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return std::nullopt;
  for (const absl::string_view folder : absl::StrSplit(path, ':')) {
    std::string program = absl::StrCat(folder, "/etcd");
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

// Ports that nobody has here, all different; a host of its own has fewer in
// use. None that the system gives to whoever connects: until etcd listens
// there, they must stay free.
std::vector<int> FreePorts(size_t count) {
  constexpr int kFirst = 10'000;
  constexpr int kLast = 32'000;
  absl::BitGen random;
  std::vector<int> ports;
  std::vector<int> sockets;
  while (ports.size() < count) {
    const int port = absl::Uniform(random, kFirst, kLast);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockets.push_back(fd);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
      ports.push_back(port);
    }
  }
  for (const int fd : sockets) close(fd);
  return ports;
}

}  // namespace

bool EtcdCluster::IsInstalled() { return FindProgram().has_value(); }

absl::StatusOr<std::unique_ptr<EtcdCluster>> EtcdCluster::Start(
    const std::vector<Host>& hosts, const std::string& folder, const Tls& tls) {
  const size_t members = hosts.size();
  const std::optional<std::string> program = FindProgram();
  if (!program.has_value()) return absl::NotFoundError(kWhySkipped);
  // The constructor is private, so std::make_unique cannot call it.
  std::unique_ptr<EtcdCluster> cluster(new EtcdCluster());
  cluster->folder_ = folder;
  cluster->security_ = tls.security;
  const bool is_secure = tls.security != nullptr;
  const std::vector<int> ports = FreePorts(2 * members);
  std::vector<std::string> peers;
  for (size_t i = 0; i < members; ++i) {
    cluster->endpoints_.push_back(
        absl::StrCat(hosts[i].address, ":", ports[2 * i]));
    peers.push_back(absl::StrCat("member-", i, "=http://", hosts[i].address,
                                 ":", ports[2 * i + 1]));
  }
  for (size_t i = 0; i < members; ++i) {
    const std::string client = absl::StrCat(is_secure ? "https://" : "http://",
                                            cluster->endpoints_[i]);
    const std::string peer =
        absl::StrCat("http://", hosts[i].address, ":", ports[2 * i + 1]);
    std::vector<std::string>& command =
        cluster->commands_.emplace_back(hosts[i].launcher);
    command.insert(
        command.end(),
        {*program, absl::StrCat("--name=member-", i),
         absl::StrCat("--data-dir=", folder, "/etcd-", i),
         absl::StrCat("--listen-client-urls=", client),
         absl::StrCat("--advertise-client-urls=", client),
         absl::StrCat("--listen-peer-urls=", peer),
         absl::StrCat("--initial-advertise-peer-urls=", peer),
         absl::StrCat("--initial-cluster=", absl::StrJoin(peers, ",")),
         "--heartbeat-interval=50", "--election-timeout=500",
         "--unsafe-no-fsync"});  // processes are killed, machines are not
    if (!is_secure) continue;
    command.insert(command.end(), {absl::StrCat("--cert-file=", tls.cert),
                                   absl::StrCat("--key-file=", tls.key),
                                   absl::StrCat("--trusted-ca-file=", tls.ca),
                                   "--client-cert-auth"});
  }
  cluster->processes_.resize(members);
  for (size_t i = 0; i < members; ++i) {
    FAIRLEAD_RETURN_IF_ERROR(cluster->StartMember(i));
  }
  for (const std::string& endpoint : cluster->endpoints_) {
    // A read that needs a majority, of each member.
    etcdserverpb::RangeRequest request;
    request.set_key("ready");
    const auto ready =
        EtcdClient({endpoint}, kPatience, tls.security).Range(request);
    if (!ready.ok()) {
      return absl::UnavailableError(absl::StrCat(
          ready.status().message(), "; see ", folder, "/etcd-*.log"));
    }
  }
  return cluster;
}

absl::StatusOr<etcdserverpb::StatusResponse> EtcdCluster::StatusOf(
    const std::string& endpoint, bool wait_until_it_answers) const {
  grpc::ClientContext context;
  context.set_wait_for_ready(wait_until_it_answers);
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoSeconds(kPatience));
  etcdserverpb::StatusResponse response;
  const grpc::Status status =
      etcdserverpb::Maintenance::NewStub(
          rpc::MakeChannel(endpoint, security_, rpc::Peer::kHost))
          ->Status(&context, {}, &response);
  if (!status.ok()) return rpc::ToAbslStatus(status);
  return response;
}

std::string EtcdCluster::store_spec(absl::string_view prefix) const {
  return absl::StrCat(security_ == nullptr ? "etcd://" : "etcds://",
                      absl::StrJoin(endpoints_, ","), prefix);
}

absl::Status EtcdCluster::StartMember(size_t member) {
  const std::string log = absl::StrCat(folder_, "/etcd-", member, ".log");
  FAIRLEAD_ASSIGN_OR_RETURN(
      processes_[member],
      ChildProcess::Start(commands_[member], {.out = log, .err = log}));
  return absl::OkStatus();
}

void EtcdCluster::Kill(size_t member) {
  processes_[member]->Signal(SIGKILL);
  processes_[member]->Wait(kPatience).IgnoreError();
}

absl::Status EtcdCluster::Restart(size_t member) {
  FAIRLEAD_RETURN_IF_ERROR(StartMember(member));
  return StatusOf(endpoints_[member], true).status();
}

void EtcdCluster::Pause(size_t member) {
  processes_[member]->Signal(SIGSTOP);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(processes_[member]->pid()), &info, WSTOPPED);
}

void EtcdCluster::Resume(size_t member) { processes_[member]->Signal(SIGCONT); }

absl::StatusOr<size_t> EtcdCluster::Leader() {
  std::map<uint64_t, size_t> member_by_id;
  uint64_t leader = 0;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    const auto status = StatusOf(endpoints_[i], false);
    if (!status.ok()) continue;
    member_by_id[status->header().member_id()] = i;
    if (status->leader() != 0) leader = status->leader();
  }
  const auto it = member_by_id.find(leader);
  if (it == member_by_id.end()) {
    return absl::UnavailableError("etcd has no leader");
  }
  return it->second;
}

absl::Status EtcdCluster::Compact() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoSeconds(kPatience));
  etcdserverpb::RangeRequest read;
  read.set_key("newest");
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto newest,
      EtcdClient(endpoints_, kPatience, security_).Range(read));
  etcdserverpb::CompactionRequest request;
  request.set_revision(newest.header().revision());
  etcdserverpb::CompactionResponse response;
  return rpc::ToAbslStatus(
      etcdserverpb::KV::NewStub(
          rpc::MakeChannel(endpoints_[0], security_, rpc::Peer::kHost))
          ->Compact(&context, request, &response));
}

}  // namespace fairlead::testing
