// What every rendezvous does.

#include <sys/inotify.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/folder_rendezvous.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Makes members that can meet.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<MeshRendezvous> Join(uint32_t member) = 0;
};

class InMemoryPlace final : public Place {
 public:
  std::unique_ptr<MeshRendezvous> Join(uint32_t member) override {
    return std::make_unique<InMemoryRendezvous>(meeting_, member);
  }

 private:
  const std::shared_ptr<InMemoryRendezvous::Meeting> meeting_ =
      std::make_shared<InMemoryRendezvous::Meeting>();
};

class FolderPlace final : public Place {
 public:
  std::unique_ptr<MeshRendezvous> Join(uint32_t member) override {
    auto joined = FolderRendezvous::Join(folder_.path(), member);
    EXPECT_THAT(joined, IsOk());
    return *std::move(joined);
  }

 private:
  const ShmFolder folder_;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

class RendezvousTest : public ::testing::TestWithParam<Kind> {
 protected:
  const std::unique_ptr<Place> place_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(
    Kind, RendezvousTest,
    ::testing::Values(
        Kind{"InMemory", [] { return std::make_unique<InMemoryPlace>(); }},
        Kind{"Folder", [] { return std::make_unique<FolderPlace>(); }}),
    [](const auto& info) { return info.param.name; });

absl::Time Soon() { return absl::Now() + kSoon; }
absl::Time Hang() { return absl::Now() + kHang; }

TEST_P(RendezvousTest, EveryMemberGetsAllValuesInOrder) {
  std::vector<std::unique_ptr<MeshRendezvous>> members;
  for (uint32_t i = 0; i < 3; ++i) members.push_back(place_->Join(i));
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([i, &members] {
      for (const std::string key : {"a/b", "a%2Fb"}) {
        EXPECT_THAT(members[i]->AllGather(key, {0, 1, 2},
                                          key + std::string(i, '\n'), Hang()),
                    IsOkAndHolds(ElementsAre(key, key + "\n", key + "\n\n")));
      }
      EXPECT_THAT(members[i]->Barrier("all", {0, 1, 2}, Hang()), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(RendezvousTest, MissingMembersAreNamedAndTheCallMayBeRepeated) {
  const auto first = place_->Join(0);
  EXPECT_THAT(
      first->AllGather("key", {0, 4, 7}, "x", Soon()),
      StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("members 4, 7")));
  EXPECT_THAT(first->AllGather("key", {0, 4, 7}, "y", Soon()),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(first->AllGather("key", {4, 7}, "x", Soon()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const auto second = place_->Join(4);
  const auto third = place_->Join(7);
  std::thread other([&second] {
    EXPECT_THAT(second->AllGather("key", {0, 4, 7}, "y", Hang()), IsOk());
  });
  EXPECT_THAT(third->AllGather("key", {0, 4, 7}, "z", Hang()), IsOk());
  other.join();
  EXPECT_THAT(first->AllGather("key", {0, 4, 7}, "x", Hang()),
              IsOkAndHolds(ElementsAre("x", "y", "z")));
}

TEST_P(RendezvousTest, MemberThatIsGoneEndsTheWaitButNotItsValues) {
  const auto first = place_->Join(0);
  auto second = place_->Join(1);
  EXPECT_THAT(second->AllGather("given", {0, 1}, "y", Soon()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  std::thread end([&second] { second.reset(); });
  EXPECT_THAT(
      first->Barrier("not given", {0, 1}, Hang()),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("member 1 is gone")));
  end.join();
  EXPECT_THAT(first->AllGather("given", {0, 1}, "x", Hang()),
              IsOkAndHolds(ElementsAre("x", "y")));
}

TEST_P(RendezvousTest, WatchTellsOfThoseWhoWentAndWhoGo) {
  const auto first = place_->Join(0);
  auto early = place_->Join(1);
  auto late = place_->Join(2);
  early.reset();
  absl::Notification early_gone, late_gone;
  first->WatchGone([&](uint32_t member) {
    (member == 1 ? early_gone : late_gone).Notify();
  });
  EXPECT_TRUE(early_gone.WaitForNotificationWithTimeout(kHang));
  late.reset();
  EXPECT_TRUE(late_gone.WaitForNotificationWithTimeout(kHang));
  first->WatchGone(nullptr);
}

TEST(FolderRendezvousTest, SecondProcessOfAMemberAndMissingFolderAreErrors) {
  const ShmFolder folder;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto first,
                                FolderRendezvous::Join(folder.path(), 0));
  EXPECT_THAT(FolderRendezvous::Join(folder.path(), 0),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(FolderRendezvous::Join("/nowhere", 0),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(FolderRendezvousTest, WhoLooksForTheDeadWakesNobody) {
  const ShmFolder folder;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto first,
                                FolderRendezvous::Join(folder.path(), 0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto living,
                                FolderRendezvous::Join(folder.path(), 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto leaving,
                                FolderRendezvous::Join(folder.path(), 2));
  const int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  inotify_add_watch(changes, folder.path().c_str(), IN_ALL_EVENTS & ~IN_OPEN);
  absl::Notification gone;
  first->WatchGone([&](uint32_t member) {
    if (member == 2) gone.Notify();
  });
  leaving.reset();
  EXPECT_TRUE(gone.WaitForNotificationWithTimeout(kHang));
  first->WatchGone(nullptr);

  alignas(inotify_event) char events[4096];
  ssize_t size = 0;
  while ((size = read(changes, events, sizeof(events))) > 0) {
    const char* at = events;
    while (at < events + size) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof(event) + event.len;
      // (The end of a member's own file comes under another name.)
      if (!absl::StartsWith(event.name, "member-")) continue;
      EXPECT_EQ(event.mask & (IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE), 0u)
          << event.name;
    }
  }
  close(changes);
}

}  // namespace
}  // namespace fairlead::testing
