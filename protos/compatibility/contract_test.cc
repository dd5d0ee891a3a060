// The contracts of every release hold today.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "protos/compatibility/wire_compatibility.h"
#include "protos/fairlead/v1/callee.pb.h"
#include "protos/fairlead/v1/channel_gateway.pb.h"
#include "protos/fairlead/v1/graph_store.pb.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/recording.pb.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "protos/fairlead/v1/sampler_pool.pb.h"

namespace fairlead {
namespace {

using ::google::protobuf::DescriptorPool;
using ::testing::IsEmpty;

constexpr char kReleased[] = "protos/compatibility/released";

std::vector<std::string> Releases() {
  std::vector<std::string> releases;
  for (const auto& entry : std::filesystem::directory_iterator(kReleased)) {
    releases.push_back(entry.path().filename().string());
  }
  std::sort(releases.begin(), releases.end());
  return releases;
}

class ContractTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ContractTest, HoldsToday) {
  // Each file is linked in by one of its messages, and with it what it imports.
  for (const auto* linked :
       {v1::CallRequest::descriptor(), v1::Subscribe::descriptor(),
        v1::PeerFetchRequest::descriptor(), v1::LoaderCursor::descriptor(),
        v1::RecordingHeader::descriptor(), v1::ChannelRecord::descriptor(),
        v1::RegisterInputRequest::descriptor()}) {
    ASSERT_NE(linked, nullptr);
  }
  google::protobuf::FileDescriptorSet release;
  std::ifstream file(std::string(kReleased) + "/" + GetParam(),
                     std::ios::binary);
  ASSERT_TRUE(release.ParseFromIstream(&file));
  DescriptorPool older;
  std::vector<std::string> ours;
  for (const auto& each : release.file()) {
    ASSERT_NE(older.BuildFile(each), nullptr) << each.name();
    if (each.package() == "fairlead.v1") ours.push_back(each.name());
  }
  ASSERT_GE(ours.size(), 10u);
  EXPECT_THAT(WireBreaks(older, ours, *DescriptorPool::generated_pool()),
              IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Of, ContractTest, ::testing::ValuesIn(Releases()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](unsigned char c) { return !isalnum(c); },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace fairlead
