// A pool that a trainer has started for itself may be killed or frozen, and
// ends with its trainer.

#include "libs/loader/mp_sample_stream.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/mp_workers.h"
#include "integration_tests/harness/test_cluster.h"
#include "libs/child_process/child_process.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

void Kill(pid_t pid) { ASSERT_EQ(kill(pid, SIGKILL), 0); }

TEST_F(MpSampleStreamTest, EachBatchComesOnceThoughThePoolIsKilled) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create());
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  Digests digests;
  std::vector<ReceivedBatch> kept;  // some of every pool
  while (true) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> batch,
                                  stream->Next());
    if (!batch.has_value()) break;
    ASSERT_TRUE(digests
                    .emplace(batch->message.header.batch_index(),
                             ContentDigest(batch->message))
                    .second);
    if (digests.size() % 15 != 0) continue;
    kept.push_back(*std::move(batch));
    Kill(stream->pool_pid());
  }
  EXPECT_EQ(digests, expected);
  EXPECT_GT(stream->stats().recoveries, 0u);
  EXPECT_EQ(stream->stats().missing, 0u);
  for (const ReceivedBatch& batch : kept) {
    EXPECT_EQ(ContentDigest(batch.message),
              expected.at(batch.message.header.batch_index()));
  }
}

TEST_F(MpSampleStreamTest, PoolThatIsKilledBetweenEpochsIsStartedAgain) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create());
  ASSERT_THAT(Epochs(*stream, 1), IsOk());
  Kill(stream->pool_pid());
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  EXPECT_THAT(Drain(*stream), IsOkAndHolds(expected));
}

// It neither runs nor dies: whoever waits for it sees nothing but silence.
TEST_F(MpSampleStreamTest, PoolThatIsFrozenIsReplacedAndNothingIsLost) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(0));
  NeighborLoaderOptions options = Options();
  std::get<MpWorkerOptions>(options.worker_options).stall_timeout =
      absl::Seconds(2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto stream, MpSampleStream::Create(dataset_, *Resolve(options)));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto first, stream->Next());
  const pid_t frozen = stream->pool_pid();
  ASSERT_EQ(kill(frozen, SIGSTOP), 0);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Digests digests, Drain(*stream));
  digests[first->message.header.batch_index()] = ContentDigest(first->message);
  EXPECT_EQ(digests, expected);
  EXPECT_EQ(stream->stats().recoveries, 1u);
  EXPECT_NE(stream->pool_pid(), frozen);
  EXPECT_NE(kill(frozen, 0), 0);  // it is gone
}

TEST_F(MpSampleStreamTest, EpochThatIsBrokenOffLeavesNothingForTheNext) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(2));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create());
  for (int epoch = 0; epoch < 2; ++epoch) {
    ASSERT_THAT(stream->StartEpoch(), IsOk());
    for (int i = 0; i < 3; ++i) ASSERT_THAT(stream->Next(), IsOk());
  }
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  EXPECT_THAT(Drain(*stream), IsOkAndHolds(expected));
}

TEST_F(MpSampleStreamTest, TrainerThatKeepsEveryBatchGetsThemAll) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto stream, Create());
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  std::vector<ReceivedBatch> kept;
  while (true) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> batch,
                                  stream->Next());
    if (!batch.has_value()) break;
    kept.push_back(*std::move(batch));
  }
  stream.reset();
  EXPECT_THAT(LeftInShm(), IsEmpty());
  Digests digests;
  for (const ReceivedBatch& batch : kept) {
    digests[batch.message.header.batch_index()] = ContentDigest(batch.message);
  }
  EXPECT_EQ(digests, expected);
}

// One that is small keeps the channel from holding one that is as large as the
// whole of it.
TEST_F(MpSampleStreamTest, KeptBatchDoesNotStopOneThatNeedsAllOfTheChannel) {
  NeighborLoaderOptions options = Options();
  options.fanout = {-1};
  options.batch_size = 1;
  options.shuffle = false;
  const auto bytes_of = [&](int64_t id) -> uint64_t {
    options.input_nodes.ids = {id};
    options.worker_options = CollocatedWorkerOptions();
    const auto stream = SampleStream::Create(&dataset_, options);
    EXPECT_THAT((*stream)->StartEpoch(), IsOk());
    return (**(*stream)->Next()).bytes;
  };
  std::map<uint64_t, int64_t> by_size;
  for (int64_t id = 0; id < 300; ++id) by_size.emplace(bytes_of(id), id);
  const int64_t smallest = by_size.begin()->second;
  const int64_t largest = by_size.rbegin()->second;
  const uint64_t room = (by_size.rbegin()->first + 63) / 64 * 64;
  ASSERT_GE(room, 4096u);
  ASSERT_LE(by_size.begin()->first, room / 4);

  MpWorkerOptions workers = Workers();
  workers.channel_size = room;
  options.worker_options = workers;
  options.input_nodes.ids = {smallest, largest, smallest};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const auto stream, MpSampleStream::Create(dataset_, *Resolve(options)));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto kept, stream->Next());
  EXPECT_THAT(Drain(*stream), IsOkAndHolds(SizeIs(2)));
  EXPECT_TRUE(kept.has_value());
  EXPECT_EQ(stream->stats().recoveries, 1u);
}

// A program that serves for a moment, and dies.
TEST_F(MpSampleStreamTest, PoolsThatDieAsFastAsTheyStartAreAnErrorWithTheLog) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(auto stream, Create());
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  const std::string real = Program("services/sampler_pool");
  const std::filesystem::path program = NewFolder() + "/sampler_pool";
  std::filesystem::create_symlink(real, program);
  NeighborLoaderOptions options = Options();
  std::get<MpWorkerOptions>(options.worker_options).sampler_pool_program =
      program.string();
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      stream, MpSampleStream::Create(dataset_, *Resolve(options)));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  std::filesystem::remove(program);
  std::filesystem::create_symlink("/bin/false", program);
  Kill(stream->pool_pid());
  absl::Status error;
  while (error.ok()) {
    const auto batch = stream->Next();
    ASSERT_TRUE(!batch.ok() || batch->has_value());
    error = batch.status();
  }
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kUnavailable,
                              AllOf(HasSubstr("died 3 times"),
                                    HasSubstr("fairlead-sampler-pool-"))));
  // The epoch is over; the next may go well.
  EXPECT_THAT(Drain(*stream), IsOkAndHolds(IsEmpty()));
  std::filesystem::remove(program);
  std::filesystem::create_symlink(real, program);
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  EXPECT_THAT(Drain(*stream), IsOk());
}

// The trainer is a process of its own here: this program, run as RunTrainer.
TEST_F(MpSampleStreamTest, PoolAndItsMemoryGoWithAKilledTrainer) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      ChildProcess trainer,
      ChildProcess::Start({"/proc/self/exe", "trainer", folder_, shm_dir_},
                          {}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::optional<std::string> line,
                                trainer.ReadLine(kPatience));
  int pool = 0;
  ASSERT_TRUE(line.has_value() && absl::SimpleAtoi(*line, &pool));
  EXPECT_THAT(LeftInShm(), Not(IsEmpty()));
  const auto pool_fd = static_cast<int>(syscall(SYS_pidfd_open, pool, 0));
  ASSERT_GE(pool_fd, 0);
  trainer.Signal(SIGKILL);
  pollfd ended{pool_fd, POLLIN, 0};
  EXPECT_EQ(
      poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))),
      1);
  close(pool_fd);
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

TEST_F(MpSampleStreamTest, CursorGoesOnWithOtherWorkers) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests expected, Expected(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Create());
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  Digests digests;
  for (int i = 0; i < 20; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto batch, stream->Next());
    digests[batch->message.header.batch_index()] =
        ContentDigest(batch->message);
  }
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::LoaderCursor cursor,
                                stream->cursor());
  NeighborLoaderOptions options = Options();
  options.worker_options = CollocatedWorkerOptions{.prefetch_size = 2};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto other,
                                SampleStream::Create(&dataset_, options));
  ASSERT_THAT(other->ResumeEpoch(cursor), IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Digests rest, Drain(*other));
  EXPECT_THAT(rest, SizeIs(expected.size() - digests.size()));
  digests.insert(rest.begin(), rest.end());
  EXPECT_EQ(digests, expected);
}

// It is on no device, say, because that is full.
TEST_F(MpSampleStreamTest, BatchThatFindsNoRoomComesFromTheCursor) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(Digests expected, Expected(0));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(SampleStreamOptions options,
                                Resolve(Options()));
  int copies = 0;
  options.landing.copy = [&copies](absl::Span<const uint8_t> /*bytes*/)
      -> absl::StatusOr<std::shared_ptr<const void>> {
    if (++copies == 5) return absl::ResourceExhaustedError("it is full");
    return std::make_shared<const int>(copies);
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                MpSampleStream::Create(dataset_, options));
  ASSERT_THAT(stream->StartEpoch(), IsOk());
  std::vector<absl::Status> errors;
  while (true) {
    const absl::StatusOr<std::optional<ReceivedBatch>> batch = stream->Next();
    if (!batch.ok()) {
      errors.push_back(batch.status());
      continue;
    }
    if (!batch->has_value()) break;
    EXPECT_NE((*batch)->copy, nullptr);
    EXPECT_EQ(expected.erase((*batch)->message.header.batch_index()), 1u);
  }
  EXPECT_THAT(
      errors,
      ElementsAre(
          StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")),
          StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1 of 64"))));
  EXPECT_EQ(stream->stats().missing, 1u);
  ASSERT_THAT(expected, SizeIs(1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const v1::LoaderCursor cursor,
                                stream->cursor());
  ASSERT_THAT(stream->ResumeEpoch(cursor), IsOk());
  EXPECT_THAT(Drain(*stream), IsOkAndHolds(expected));
}

TEST_F(MpSampleStreamTest, SplitMadeAfterLoadingIsSampledByAll) {
  DistDataset dataset = *DistDataset::Load(folder_, 0);
  ASSERT_THAT(dataset.RandomNodeSplit(int64_t{10}, int64_t{20}, /*seed=*/3),
              IsOk());
  NeighborLoaderOptions options = Options();
  options.input_nodes.split = "test";
  std::vector<std::vector<Digests>> all;
  for (const WorkerOptions& workers :
       {WorkerOptions(CollocatedWorkerOptions()), WorkerOptions(Workers())}) {
    options.worker_options = workers;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream,
                                  SampleStream::Create(&dataset, options));
    EXPECT_EQ(stream->seeds(), 20u);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(all.emplace_back(), Epochs(*stream, 1));
  }
  EXPECT_EQ(all[0], all[1]);
}

TEST_F(MpSampleStreamTest, RemoteWorkersTakeNoDataset) {
  EXPECT_THAT(SampleStream::Create(&dataset_, NeighborLoaderOptions()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("dataset: must be null")));
}

TEST_F(MpSampleStreamTest, MissingProgramIsNamedWithTheMend) {
  NeighborLoaderOptions options = Options();
  auto& workers = std::get<MpWorkerOptions>(options.worker_options);
  workers.sampler_pool_program = "/no/such/program";
  EXPECT_THAT(MpSampleStream::Create(dataset_, *Resolve(options)),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("/no/such/program"),
                             HasSubstr("//services/sampler_pool"))));
  // In this program's runfiles.
  workers.sampler_pool_program = "";
  EXPECT_THAT(MpSampleStream::Create(dataset_, *Resolve(options)), IsOk());
}

TEST_F(MpSampleStreamTest, ErrorsOfThePoolAreTheLoaders) {
  NeighborLoaderOptions options = Options();
  options.input_nodes.split = "val";
  options.input_nodes.node_type = "no such";
  EXPECT_THAT(MpSampleStream::Create(dataset_, *Resolve(options)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such")));
  EXPECT_THAT(LeftInShm(), IsEmpty());
}

}  // namespace

// Takes a batch, says who made it, and waits to be killed.
int RunTrainer(const std::string& folder, const std::string& shm_dir) {
  const auto dataset = DistDataset::Load(folder, 0);
  if (!dataset.ok()) return 1;
  NeighborLoaderOptions options;
  options.input_nodes.split = "all";
  options.worker_options =
      MpWorkerOptions{.shm_dir = shm_dir,
                      .sampler_pool_program = Program("services/sampler_pool")};
  const auto stream = MpSampleStream::Create(*dataset, *Resolve(options));
  if (!stream.ok() || !(*stream)->StartEpoch().ok()) return 1;
  const auto batch = (*stream)->Next();
  if (!batch.ok()) return 1;
  std::cout << (*stream)->pool_pid() << std::endl;
  while (true) pause();
}

}  // namespace fairlead::testing

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "trainer") {
    return fairlead::testing::RunTrainer(argv[2], argv[3]);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
