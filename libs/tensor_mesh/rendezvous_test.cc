// What every rendezvous does.

#include <sys/inotify.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/folder_rendezvous.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using Lines = MeshRendezvous::Lines;

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
  bool has_silent = false;  // who has posted nothing is there, too
};

class RendezvousTest : public ::testing::TestWithParam<Kind> {
 protected:
  const std::unique_ptr<Place> place_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(
    Kind, RendezvousTest,
    ::testing::Values(
        Kind{"InMemory", [] { return std::make_unique<InMemoryPlace>(); }},
        Kind{"Folder", [] { return std::make_unique<FolderPlace>(); },
             /*has_silent=*/true}),
    [](const auto& info) { return info.param.name; });

absl::Time Hang() { return absl::Now() + kHang; }

// What a member sees.
class Seen {
 public:
  explicit Seen(MeshRendezvous& rendezvous) : rendezvous_(rendezvous) {
    rendezvous_.Watch([this](const Lines& lines) {
      MutexLock lock(&mutex_);
      lines_ = lines;
    });
  }
  ~Seen() { rendezvous_.Watch(nullptr); }

  // Whether it comes to that.
  bool Comes(const Lines& lines) {
    MutexLock lock(&mutex_);
    const auto is_there = [this, &lines] {
      mutex_.AssertHeld();
      return lines_ == lines;
    };
    return mutex_.AwaitWithDeadline(absl::Condition(&is_there), Hang());
  }

 private:
  MeshRendezvous& rendezvous_;
  Mutex mutex_;
  Lines lines_ ABSL_GUARDED_BY(mutex_);
};

TEST_P(RendezvousTest, EveryMemberSeesTheLastLinesOfAll) {
  const auto first = place_->Join(0);
  const auto second = place_->Join(7);
  EXPECT_THAT(first->Post("early", Hang()), IsOk());
  Seen of_first(*first);
  Seen of_second(*second);
  EXPECT_THAT(second->Post("a|b\nc", Hang()), IsOk());
  EXPECT_THAT(first->Post("late", Hang()), IsOk());
  const Lines all = {{0, "late"}, {7, "a|b\nc"}};
  EXPECT_TRUE(of_first.Comes(all));
  EXPECT_TRUE(of_second.Comes(all));
}

TEST_P(RendezvousTest, LineGoesWithItsMemberAndAnotherMayHaveThePlace) {
  const auto first = place_->Join(0);
  EXPECT_THAT(first->Post("x", Hang()), IsOk());
  auto second = place_->Join(1);
  EXPECT_THAT(second->Post("y", Hang()), IsOk());
  Seen seen(*first);
  EXPECT_TRUE(seen.Comes({{0, "x"}, {1, "y"}}));
  second.reset();
  EXPECT_TRUE(seen.Comes({{0, "x"}}));
  second = place_->Join(1);
  EXPECT_THAT(second->Post("z", Hang()), IsOk());
  EXPECT_TRUE(seen.Comes({{0, "x"}, {1, "z"}}));
}

TEST_P(RendezvousTest, WatchThatEndedIsNotCalled) {
  const auto first = place_->Join(0);
  const auto second = place_->Join(1);
  int calls = 0;
  first->Watch([&calls](const Lines&) { ++calls; });
  first->Watch(nullptr);
  const int before = calls;
  EXPECT_THAT(second->Post("x", Hang()), IsOk());
  Seen seen(*second);
  EXPECT_TRUE(seen.Comes(GetParam().has_silent ? Lines{{0, ""}, {1, "x"}}
                                               : Lines{{1, "x"}}));
  EXPECT_EQ(calls, before);
}

TEST(InMemoryRendezvousTest, SecondProcessOfAMemberIsAnError) {
  InMemoryPlace place;
  const auto first = place.Join(0);
  EXPECT_THAT(first->Post("x", Hang()), IsOk());
  EXPECT_THAT(place.Join(0)->Post("y", Hang()),
              StatusIs(absl::StatusCode::kAlreadyExists));
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
  {
    Seen seen(*first);
    leaving.reset();
    EXPECT_TRUE(seen.Comes({{0, ""}, {1, ""}}));
  }

  alignas(inotify_event) char events[4096];
  ssize_t size = 0;
  while ((size = read(changes, events, sizeof(events))) > 0) {
    const char* at = events;
    while (at < events + size) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof(event) + event.len;
      // (The end of a member is to be seen, of course.)
      if (!absl::StartsWith(event.name, "member-") ||
          absl::string_view(event.name) == "member-2") {
        continue;
      }
      EXPECT_EQ(event.mask & (IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE), 0u)
          << event.name;
    }
  }
  close(changes);
}

}  // namespace
}  // namespace fairlead::testing
