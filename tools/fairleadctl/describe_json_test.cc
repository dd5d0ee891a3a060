#include "tools/fairleadctl/describe_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/tensor_mesh/mesh_line.h"
#include "nlohmann/json.hpp"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Member At(const std::string& address) {
  v1::Member member;
  member.set_role(v1::ROLE_TRAINER);
  member.set_address(address);
  return member;
}

TEST(DescribeJsonTest, MemberIsShownWhereItTakesConnections) {
  EXPECT_EQ(AddressOf(At("host:7")), "host:7");
  EXPECT_EQ(AddressOf(At("")), "");
  EXPECT_EQ(ToJson(At("host:7"))["address"], "host:7");
}

TEST(DescribeJsonTest, TokenOfAMeshIsNotShown) {
  internal::MeshLine line{.life = 5, .segment = "segment", .token = "secret"};
  EXPECT_EQ(AddressOf(At(line.Encode())), "");
  line.address = "host:7";
  EXPECT_EQ(AddressOf(At(line.Encode())), "host:7");
  EXPECT_THAT(ToJson(At(line.Encode())).dump(), Not(HasSubstr("secret")));
  // Nor where what it says is not understood.
  EXPECT_EQ(AddressOf(At("mesh1|secret|host:7")), "");
}

}  // namespace
}  // namespace fairlead
