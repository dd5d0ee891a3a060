#include "libs/rpc/call_turns.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace fairlead::rpc {
namespace {

using Turns = CallTurns<int>;

// The calls in the order of their turns, each at its end before the next.
std::string OneByOne(Turns& turns) {
  std::string order;
  while (std::optional<Turns::Turn> next = turns.Next()) {
    order += next->client + std::to_string(next->call) + " ";
    turns.Done(next->client);
  }
  return order;
}

TEST(CallTurns, OfOneClientAreInOrder) {
  Turns turns(8);
  for (int i = 0; i < 3; ++i) turns.Add("a", i);
  EXPECT_EQ(OneByOne(turns), "a0 a1 a2 ");
  EXPECT_EQ(OneByOne(turns), "");
}

TEST(CallTurns, AFloodOfOneClientDelaysAnotherByOneCall) {
  Turns turns(8);
  for (int i = 0; i < 1000; ++i) turns.Add("flood", i);
  turns.Add("b", 0);
  turns.Add("b", 1);
  EXPECT_EQ(OneByOne(turns).substr(0, 32), "flood0 b0 flood1 b1 flood2 flood");
}

TEST(CallTurns, AClientRunsNoMoreThanItsShareAndTheRestGoesToOthers) {
  Turns turns(2);
  for (int i = 0; i < 5; ++i) turns.Add("a", i);
  EXPECT_EQ(turns.Next()->call, 0);
  EXPECT_EQ(turns.Next()->call, 1);
  EXPECT_FALSE(turns.Next().has_value());
  turns.Add("b", 7);
  EXPECT_EQ(turns.Next()->call, 7);
  EXPECT_FALSE(turns.Next().has_value());
  turns.Done("a");
  EXPECT_EQ(turns.Next()->call, 2);
  turns.Done("b");
  EXPECT_FALSE(turns.Next().has_value());
}

TEST(CallTurns, ClientsThatWentCostNothing) {
  Turns turns(2);
  for (int client = 0; client < 100; ++client) {
    turns.Add(std::to_string(client), 0);
  }
  OneByOne(turns);
  turns.Add("b", 1);
  EXPECT_EQ(turns.Next()->client, "b");
}

}  // namespace
}  // namespace fairlead::rpc
