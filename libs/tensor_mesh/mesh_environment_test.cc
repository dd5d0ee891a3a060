#include "libs/tensor_mesh/mesh_environment.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"

namespace fairlead {
namespace {

using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

absl::StatusOr<MeshEnvironment> Read(const Variables& variables) {
  return MeshEnvironmentOf([&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(MeshEnvironmentTest, LittleIsEnough) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshEnvironment read,
                                Read({{"DMLC_ROLE", "server"},
                                      {"DMLC_NUM_WORKER", "3"},
                                      {"DMLC_NUM_SERVER", "2"},
                                      {"DMLC_NODE_RANK", "1"}}));
  EXPECT_EQ(read.config.role, MeshRole::kServer);
  EXPECT_EQ(read.config.num_workers, 3u);
  EXPECT_EQ(read.config.num_servers, 2u);
  EXPECT_EQ(read.config.rank, 1u);
  EXPECT_FALSE(read.config.routes.has_value());
  EXPECT_EQ(read.registry, "");
}

TEST(MeshEnvironmentTest, GroupsPairTheirProcesses) {
  Variables variables = {{"DMLC_ROLE", "worker"},
                         {"DMLC_NUM_WORKER", "2"},
                         {"DMLC_NUM_SERVER", "1"},
                         {"DMLC_GROUP_SIZE", "4"},
                         {"DMLC_NODE_RANK", "1"},
                         {"STEPMESH_GPU", "2"},
                         {"DMLC_RANK_OFFSET", "1"},
                         {"DMLC_INTERFACE", "lo"},
                         {"DMLC_LOCAL", "1"},
                         {"DMLC_PS_ROOT_URI", "10.0.0.1"},
                         {"DMLC_PS_ROOT_PORT", "8123"},
                         {"STEPMESH_BAKCEND", "CPU"},
                         {"STEPMESH_BIND_CPU_CORE", "1"}};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshEnvironment read, Read(variables));
  EXPECT_EQ(read.config.num_workers, 8u);
  EXPECT_EQ(read.config.num_servers, 4u);
  EXPECT_EQ(read.config.rank, 7u);
  EXPECT_THAT(read.config.routes->servers_of(7), ElementsAre(3));
  EXPECT_THAT(read.config.routes->workers_of(3), ElementsAre(3, 7));
  EXPECT_EQ(read.config.listen_address, "127.0.0.1:0");
  EXPECT_EQ(read.config.transports, MeshConfig::Transports::kShmOnly);
  EXPECT_EQ(read.registry, "10.0.0.1:8123");
  variables["DMLC_INSTANCE_ID"] = "0";
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshEnvironment named, Read(variables));
  EXPECT_EQ(named.config.rank, 4u);
}

TEST(MeshEnvironmentTest, WhatCannotBeIsNamed) {
  const auto with = [](const char* name, const char* value) {
    Variables variables = {{"DMLC_ROLE", "worker"}};
    variables[name] = value;
    return Read(variables);
  };
  using Code = absl::StatusCode;
  EXPECT_THAT(Read({}),
              StatusIs(Code::kInvalidArgument, HasSubstr("DMLC_ROLE")));
  EXPECT_THAT(with("DMLC_ROLE", "scheduler"),
              StatusIs(Code::kInvalidArgument, HasSubstr("registry")));
  EXPECT_THAT(
      with("DMLC_NUM_WORKER", "two"),
      StatusIs(Code::kInvalidArgument, HasSubstr("DMLC_NUM_WORKER=two")));
  EXPECT_THAT(with("DMLC_NUM_WORKER", "0"),
              StatusIs(Code::kInvalidArgument, HasSubstr("num_workers")));
  EXPECT_THAT(with("DMLC_GROUP_SIZE", "0"), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with("DMLC_NODE_RANK", "5"),
              StatusIs(Code::kInvalidArgument, HasSubstr("rank: 5")));
  EXPECT_THAT(with("DMLC_ENABLE_RDMA", "ibverbs"),
              StatusIs(Code::kUnimplemented, HasSubstr("unset it")));
  EXPECT_THAT(with("STEPMESH_BAKCEND", "GPU"), StatusIs(Code::kUnimplemented));
  EXPECT_THAT(with("STEPMESH_BAKCEND", "TPU"),
              StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with("STEPMESH_CPU_START_OFFSET", "x"),
              StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with("DMLC_INTERFACE", "none0"),
              StatusIs(Code::kInvalidArgument, HasSubstr("ip address")));
}

}  // namespace
}  // namespace fairlead
