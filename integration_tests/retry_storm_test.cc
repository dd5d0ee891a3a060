// A service that is away while many depend on it: how often they knock is
// bounded by formulas, whoever they are, and it is served again when it is
// back.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/rpc/backoff.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::TestCluster;

constexpr uint64_t kClients = 32;
constexpr absl::Duration kOutage = absl::Seconds(5);

uint16_t PortOf(const std::string& address) {
  uint32_t port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  return static_cast<uint16_t>(port);
}

// Of connections, whose server has that port.
size_t CountConnections(uint16_t port) {
  char local[8];
  snprintf(local, sizeof(local), ":%04X", port);
  size_t count = 0;
  for (const char* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream table(file);
    std::string line;
    while (std::getline(table, line)) {
      std::istringstream words(line);
      std::string number, here, there, state;
      words >> number >> here >> there >> state;
      if (here.ends_with(local) && state == "01") ++count;  // established
    }
  }
  return count;
}

// The most connections that one gRPC channel tries within `outage`, as
// libs/rpc/channel.cc sets it: 0.1 s between the first two, 1.6 times as long
// each time up to 2 s, a fifth more or less.
size_t MostConnects(absl::Duration outage) {
  size_t connects = 2;  // at once, and one that was under way at an end
  for (absl::Duration wait = absl::Milliseconds(80); outage >= wait;
       wait = std::min(wait * 1.6, absl::Milliseconds(1600))) {
    outage -= wait;
    ++connects;
  }
  return connects;
}

// Stands where a service was, and hangs up on all who call. How many did.
size_t RefuseAll(uint16_t port, absl::Duration outage) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  EXPECT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)),
            0);
  EXPECT_EQ(listen(listener, SOMAXCONN), 0);
  size_t callers = 0;
  const absl::Time end = absl::Now() + outage;
  for (absl::Duration left = outage; left > absl::ZeroDuration();
       left = end - absl::Now()) {
    pollfd event = {listener, POLLIN, 0};
    poll(&event, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    int caller;
    while ((caller = accept(listener, nullptr, nullptr)) >= 0) {
      close(caller);
      ++callers;
    }
  }
  close(listener);
  return callers;
}

class RetryStorm : public ::testing::Test {
 protected:
  void SetUp() override {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_,
                                  TestCluster::Start({.dataset = dataset}));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        load_,
        RunningLoad::Start(
            *cluster_, {"--split=all", "--epochs=1000000", "--batch_size=16",
                        "--fanout=5,5", "--buffer_bytes=1MB",
                        absl::StrCat("--clients=", kClients)}));
    ASSERT_TRUE(load_->AwaitBatches(64 * kClients)) << load_->Finish().status();
  }

  // Takes a service away; returns when it is back, and how long that took.
  absl::Duration Outage(const std::string& name) {
    const size_t index = cluster_->IndexOf(name);
    const uint16_t port = PortOf(cluster_->service(name).address());
    const size_t connections = CountConnections(port);
    const absl::Time begin = absl::Now();
    EXPECT_THAT(cluster_->Kill(index), IsOk());
    const size_t callers = RefuseAll(port, kOutage);
    const absl::Duration away = absl::Now() - begin;
    const size_t most = connections * MostConnects(away);
    printf("%s away for %.1f s: %zu connections tried %zu times, at most %zu\n",
           name.c_str(), absl::ToDoubleSeconds(away), connections, callers,
           most);
    EXPECT_GE(connections, kClients);
    EXPECT_GE(callers, kClients);  // or nobody noticed
    EXPECT_LE(callers, most);
    EXPECT_THAT(cluster_->Restart(index), IsOk());
    return absl::Now() - begin;
  }

  // The latest attempt of each client at each of its epochs.
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> Attempts() {
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> attempts;
    for (const auto& batch : load_->arrivals()) {
      uint64_t& latest = attempts[{batch.client, batch.epoch}];
      latest = std::max(latest, batch.attempt);
    }
    return attempts;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<RunningLoad> load_;
};

TEST_F(RetryStorm, RegistryThatIsAwayIsNotStormed) {
  Outage("registry");
  EXPECT_TRUE(load_->AwaitBatches(2 * 64 * kClients));
  load_.reset();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

TEST_F(RetryStorm, GatewayThatIsAwayIsNotStormed) {
  const absl::Duration away = Outage("gateway-0");
  const absl::Time back = absl::Now();
  EXPECT_TRUE(load_->AwaitBatches(2 * 64 * kClients));
  // Each attempt asks the registry and the pool to make the rest of an epoch.
  const size_t most = 1 + rpc::Backoff::MostTries(away + (absl::Now() - back));
  uint64_t latest = 0;
  for (const auto& [epoch, attempt] : Attempts()) {
    latest = std::max(latest, attempt);
  }
  printf("an epoch was attempted %ju times more, at most %zu\n",
         uintmax_t{latest}, most);
  EXPECT_GE(latest, 1u);
  EXPECT_LE(latest, most);
  load_.reset();
  EXPECT_THAT(cluster_->Stop(), IsOk());
}

}  // namespace
}  // namespace fairlead
