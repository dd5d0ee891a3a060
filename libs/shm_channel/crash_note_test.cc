#include "libs/shm_channel/crash_note.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/shm_channel/shm_file.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::IsNull;
using ::testing::Pointee;

constexpr uint64_t kOwner = 7;
constexpr CrashNote::Work kWork = {1, 2, 3};
constexpr CrashNote::Work kOther = {1, 2, 4};

auto Died(uint32_t deaths, uint32_t alone) {
  return Pointee(AllOf(Field(&CrashNote::Suspect::deaths, deaths),
                       Field(&CrashNote::Suspect::deaths_alone, alone)));
}

class CrashNoteTest : public ::testing::Test {
 protected:
  std::unique_ptr<CrashNote> Open(uint64_t owner = kOwner) {
    auto note = CrashNote::Open(directory_, owner, /*slots=*/3);
    EXPECT_THAT(note, IsOk());
    return *std::move(note);
  }

  // Another process that opens the note and does so much is killed.
  template <typename Deed>
  void DoAndDie(const Deed& deed, uint64_t owner = kOwner) {
    const pid_t child = fork();
    if (child == 0) {
      const auto note = Open(owner);
      deed(*note);
      raise(SIGKILL);
    }
    waitpid(child, nullptr, 0);
  }

  size_t Files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(directory_), {}));
  }

  std::string OnlyFile() const {
    EXPECT_EQ(Files(), 1u);
    return std::filesystem::directory_iterator(directory_)->path();
  }

  const testing::ShmFolder folder_;
  const std::string& directory_ = folder_.path();
};

TEST_F(CrashNoteTest, WhoEndsInOrderLeavesNothing) {
  const auto note = Open();
  note->Begin(0, kWork);
  EXPECT_EQ(note->num_suspects(), 0u);
  EXPECT_THAT(note->Find(kWork), IsNull());
  EXPECT_EQ(Files(), 1u);
}

TEST_F(CrashNoteTest, WhatWasInHandIsSuspect) {
  DoAndDie([](CrashNote& note) {
    note.Begin(0, kWork);
    note.Begin(1, kOther);
    note.Begin(2, {9, 9, 9});
    note.End(2);
  });
  const auto note = Open();
  EXPECT_THAT(note->Find(kWork), Died(1, 0));
  EXPECT_THAT(note->Find(kOther), Died(1, 0));
  EXPECT_EQ(note->num_suspects(), 2u);
  EXPECT_EQ(Files(), 1u);  // the old one is gone
}

TEST_F(CrashNoteTest, DeathsAddUpUntilTheWorkIsDone) {
  DoAndDie([](CrashNote& note) {
    note.Begin(0, kWork);
    note.Begin(1, kOther);
  });
  for (int i = 0; i < 3; ++i) {
    DoAndDie([](CrashNote& note) { note.Begin(2, kWork); });
  }
  const auto note = Open();
  EXPECT_THAT(note->Find(kWork), Died(4, 3));
  EXPECT_THAT(note->Find(kOther), Died(1, 0));
  EXPECT_EQ(note->CountDeathsAlone(3), 1u);
  EXPECT_EQ(note->CountDeathsAlone(4), 0u);
}

TEST_F(CrashNoteTest, WhatIsClearedIsForgottenByThoseWhoComeLaterToo) {
  DoAndDie([](CrashNote& note) {
    note.Begin(0, kWork);
    note.Begin(1, kOther);
  });
  DoAndDie([](CrashNote& note) {
    note.Clear(kWork);
    note.Clear(kWork);
    note.Clear({5, 5, 5});
  });
  const auto note = Open();
  EXPECT_THAT(note->Find(kWork), IsNull());
  EXPECT_THAT(note->Find(kOther), Died(1, 0));
}

TEST_F(CrashNoteTest, NotesOfOthersAndOfTheLivingAreLeftAlone) {
  DoAndDie([](CrashNote& note) { note.Begin(0, kWork); }, kOwner + 1);
  const auto living = Open();
  living->Begin(0, kOther);
  const auto note = Open();
  EXPECT_EQ(note->num_suspects(), 0u);
  EXPECT_EQ(Files(), 3u);
  EXPECT_THAT(Open(kOwner + 1)->Find(kWork), Died(1, 1));
  EXPECT_EQ(Files(), 2u);
}

TEST_F(CrashNoteTest, SweepsOfSegmentsLeaveItAndItsOwnTakesIt) {
  DoAndDie([](CrashNote& note) { note.Begin(0, kWork); });
  EXPECT_EQ(SweepOrphans(directory_), 0);
  const auto living = Open(kOwner + 1);
  EXPECT_EQ(SweepNotes(directory_), 1);
  EXPECT_EQ(Files(), 1u);
}

// Whatever is in the place of a note is no note, or one without what is torn.
TEST_F(CrashNoteTest, GarbageIsIgnoredAndRemoved) {
  const std::string path = directory_ + "/" + kNotePrefix + "garbage";
  for (const size_t bytes : {0, 1, 64, 4096, 16640, 100'000}) {
    std::string garbage(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) {
      garbage[i] = static_cast<char>(SplitMix64(i));
    }
    std::ofstream(path, std::ios::binary) << garbage;
    EXPECT_EQ(Open()->num_suspects(), 0u) << bytes;
    EXPECT_FALSE(std::filesystem::exists(path)) << bytes;
  }
}

TEST_F(CrashNoteTest, TornRecordsSayNothing) {
  DoAndDie([](CrashNote& note) { note.Begin(1, kWork); });
  const std::string path = OnlyFile();
  std::string whole(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(whole.data(), static_cast<std::streamsize>(whole.size()));
  // Any byte of the record that holds something changed.
  int harmless = 0;
  for (size_t at = 64; at < whole.size(); ++at) {
    if (whole[at] == 0) continue;
    std::string torn = whole;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    std::ofstream(path, std::ios::binary) << torn;
    const auto note = Open();
    if (note->num_suspects() > 0) ++harmless;
    EXPECT_EQ(Files(), 1u) << at;
  }
  EXPECT_EQ(harmless, 0);
  // And one that was cut off.
  for (const size_t bytes : {whole.size() - 1, size_t{64}, size_t{65}}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, bytes);
    EXPECT_EQ(Open()->num_suspects(), 0u) << bytes;
  }
}

TEST_F(CrashNoteTest, OfTooManySuspectsTheWorstAreKept) {
  DoAndDie([](CrashNote& note) { note.Begin(0, kWork); });
  for (uint64_t i = 0; i < CrashNote::kMaxSuspects; ++i) {
    DoAndDie([i](CrashNote& note) {
      note.Begin(0, {i, 100, 100});
      note.Begin(1, {i, 200, 200});
    });
  }
  const auto note = Open();
  EXPECT_EQ(note->num_suspects(), CrashNote::kMaxSuspects);
  EXPECT_THAT(note->Find(kWork), Died(1, 1));
}

TEST_F(CrashNoteTest, TooManySlotsAreRefused) {
  EXPECT_THAT(CrashNote::Open(directory_, kOwner, CrashNote::kMaxSlots + 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CrashNote::Open(directory_ + "/none", kOwner, 1),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
