#include "tools/bench/load_plan.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/bench/load_window.h"

namespace fairlead::bench {
namespace {

using ::testing::ElementsAre;

TEST(PlanLoads, SeveralClientsAreWatchedRightBehindOne) {
  std::vector<std::string> names;
  for (const LoadSpec& load : PlanLoads({1, 4, 16})) {
    names.push_back(load.name);
  }
  EXPECT_THAT(names,
              ElementsAre("remote 10,5", "remote 10,5, 4 clients",
                          "remote 10,5, 16 clients", "shared memory 10,5",
                          "remote 15,10,5", "shared memory 15,10,5",
                          "remote 15,10,5, every byte read",
                          "shared memory 15,10,5, every byte read"));
}

TEST(TurnsOfRound, OneClientAndFourTakeTurnsUntilTheyAreSoManyPairs) {
  const std::vector<LoadSpec> loads = {
      {.name = "1"}, {.name = "2", .clients = 2}, {.name = "4", .clients = 4}};
  EXPECT_THAT(TurnsOfRound(loads, 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(TurnsOfRound(loads, 3), ElementsAre(0, 1, 2, 0, 2, 0, 2));
}

TEST(TurnsOfRound, WithoutFourClientsEachLoadIsWatchedOnce) {
  EXPECT_THAT(TurnsOfRound({{.name = "1"}, {.name = "2", .clients = 2}}, 3),
              ElementsAre(0, 1));
}

}  // namespace
}  // namespace fairlead::bench
