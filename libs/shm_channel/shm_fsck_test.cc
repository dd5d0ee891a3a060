#include "libs/shm_channel/shm_fsck.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/shm_channel/doorbell.h"
#include "libs/shm_channel/shm_channel.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;

constexpr absl::Duration kNow = absl::ZeroDuration();

class ShmFsckTest : public ::testing::Test {
 protected:
  std::unique_ptr<ShmProducer> Make() {
    return *ShmProducer::Create(
        {.directory = directory_, .capacity_bytes = 4096, .max_messages = 4});
  }

  // Does so much in another process, which is then killed.
  template <typename Work>
  static void DoAndDie(const Work& work) {
    const pid_t child = fork();
    if (child == 0) {
      work();
      raise(SIGKILL);
    }
    waitpid(child, nullptr, 0);
  }

  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
};

TEST_F(ShmFsckTest, LivingSegmentsAreListedAndLeftAlone) {
  const auto producer = Make();
  const auto doorbell = *Doorbell::Create(directory_);
  std::ofstream(directory_ + "/something-else") << "x";
  auto space = producer->Reserve(100, kNow);
  ASSERT_THAT(space->Commit({}), IsOk());

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].kind, SegmentReport::Kind::kDoorbell);
  EXPECT_FALSE(reports[0].is_orphan);
  EXPECT_EQ(reports[1].name, producer->name());
  EXPECT_FALSE(reports[1].is_orphan);
  EXPECT_EQ(reports[1].stats.depth_messages, 1u);
  EXPECT_EQ(reports[1].stats.producers, 1u);
  EXPECT_GT(reports[1].bytes, 4096u);
  EXPECT_LT(reports[1].bytes, 4096u + 8192);  // what it takes beyond its data

  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FreedSegments freed,
                                FreeSegments(directory_));
  EXPECT_EQ(freed.orphans, 0);
  EXPECT_EQ(InspectSegments(directory_)->size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/something-else"));
}

TEST_F(ShmFsckTest, OrphansAreFoundAndFreed) {
  DoAndDie([this] {
    (void)Make().release();
    (void)(*Doorbell::Create(directory_)).release();
  });
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(reports[0].is_orphan);
  EXPECT_TRUE(reports[1].is_orphan);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FreedSegments freed,
                                FreeSegments(directory_));
  EXPECT_EQ(freed.orphans, 2);
  EXPECT_EQ(freed.bytes, reports[0].bytes + reports[1].bytes);
  EXPECT_TRUE(InspectSegments(directory_)->empty());
}

TEST_F(ShmFsckTest, SegmentsOfAMeshAreKnown) {
  const auto living = ShmFile::Create(directory_, kMeshPrefix, 4096);
  ASSERT_THAT(living, IsOk());
  DoAndDie([this] {
    (void)(*ShmFile::Create(directory_, kMeshPrefix, 8192)).release();
  });
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FreedSegments freed,
                                FreeSegments(directory_));
  EXPECT_EQ(freed.orphans, 1);
  EXPECT_EQ(freed.bytes, 8192u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].kind, SegmentReport::Kind::kMesh);
  EXPECT_EQ(reports[0].name, (*living)->name());
  EXPECT_FALSE(reports[0].is_orphan);
}

TEST_F(ShmFsckTest, NotesOfTheDeadAreFreed) {
  DoAndDie([this] { (void)(*CrashNote::Open(directory_, 1, 2)).release(); });
  const auto living = CrashNote::Open(directory_, /*owner=*/2, /*slots=*/2);
  ASSERT_THAT(living, IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FreedSegments freed,
                                FreeSegments(directory_));
  EXPECT_EQ(freed.orphans, 1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].kind, SegmentReport::Kind::kNote);
  EXPECT_FALSE(reports[0].is_orphan);
}

TEST_F(ShmFsckTest, WhatTheDeadHaveInALivingChannelIsFreed) {
  const auto producer = Make();
  DoAndDie([&] {
    auto other = *ShmProducer::Open(directory_, producer->name());
    auto space = new auto(other->Reserve(1000, kNow));
    (void)space;
    (void)other.release();
  });
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].stats.dead, 1u);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const FreedSegments freed,
                                FreeSegments(directory_));
  EXPECT_EQ(freed.reclaimed_slots, 1);
  EXPECT_EQ(producer->stats().used_bytes, 0u);
}

TEST_F(ShmFsckTest, DamageIsReported) {
  std::ofstream(directory_ + "/fairlead-channel-x") << std::string(9000, 'x');
  std::ofstream(directory_ + "/fairlead-channel-y");
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<SegmentReport> reports,
                                InspectSegments(directory_));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_THAT(reports[0].status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(reports[1].status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(reports[0].is_orphan);
  ASSERT_THAT(FreeSegments(directory_), IsOk());
  EXPECT_TRUE(InspectSegments(directory_)->empty());
}

TEST_F(ShmFsckTest, MissingFolderIsNamed) {
  EXPECT_THAT(InspectSegments("/no/such/folder"),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("/no/such/folder")));
}

}  // namespace
}  // namespace fairlead
