#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_CONTEXT_FIXTURE_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_CONTEXT_FIXTURE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/service_process.h"
#include "libs/dist_context/dist_session.h"
#include "libs/status/status_matchers.h"

// Sessions of one job at a real registry, made from threads of the test.
namespace fairlead::testing {

using Session = std::unique_ptr<DistSession>;
using Joining = std::future<absl::StatusOr<Session>>;

class ContextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto registry = StartRegistry();
    ASSERT_THAT(registry, IsOk());
    registry_.emplace(*std::move(registry));
  }

  JobOptions Job(absl::Duration timeout = kPatience) const {
    return {.registry = registry_->address(),
            .name = "job",
            .timeout = timeout,
            .lease = kPatience};
  }

  Joining Server(InitServerOptions options) const {
    return std::async(std::launch::async,
                      [options] { return InitServer(options); });
  }
  Joining Client(InitClientOptions options) const {
    return std::async(std::launch::async,
                      [options] { return InitClient(options); });
  }

  // Two servers and three clients, begun in an order that `seed` says.
  std::vector<Session> MeetAll(uint32_t seed) const {
    std::vector<int> order = {0, 1, 2, 3, 4};
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    std::map<int, Joining> joining;
    for (const int global_rank : order) {
      const auto rank = static_cast<uint32_t>(global_rank);
      joining[global_rank] = rank < 2 ? Server({.num_servers = 2,
                                                .server_rank = rank,
                                                .num_clients = 3,
                                                .job = Job()})
                                      : Client({.num_servers = 2,
                                                .num_clients = 3,
                                                .client_rank = rank - 2,
                                                .job = Job()});
    }
    std::vector<Session> sessions;
    for (auto& [rank, session] : joining) {
      absl::StatusOr<Session> joined = session.get();
      EXPECT_THAT(joined, IsOk()) << "seed " << seed << ", rank " << rank;
      sessions.push_back(joined.ok() ? *std::move(joined) : nullptr);
    }
    return sessions;
  }

  // Of every session at once.
  static std::vector<absl::Status> OfAll(
      std::vector<Session>& sessions,
      const std::function<absl::Status(DistSession&)>& call) {
    std::vector<std::future<absl::Status>> calls;
    for (Session& session : sessions) {
      calls.push_back(std::async(std::launch::async,
                                 [&call, &session] { return call(*session); }));
    }
    std::vector<absl::Status> statuses;
    for (auto& status : calls) statuses.push_back(status.get());
    return statuses;
  }

  // Has `join` give up, as `expected` says, after so little time that it only
  // just gets as far as waiting for others: how much that is, is the machine's
  // affair.
  template <typename Join, typename Matcher>
  static void ExpectGivesUp(Join join, const Matcher& expected) {
    absl::Duration timeout = absl::Milliseconds(100);
    absl::Status status = join(timeout);
    while (!::testing::Value(status, expected) && timeout < kPatience) {
      status = join(timeout *= 2);
    }
    EXPECT_THAT(status, expected);
  }

  static absl::Status End(DistSession& session) {
    return session.context().is_client()
               ? ShutdownClient(session, kPatience)
               : WaitAndShutdownServer(session, {.timeout = kPatience});
  }

  std::optional<ServiceProcess> registry_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_CONTEXT_FIXTURE_H_
