// Where tensors are to be, up to the calls of CUDA itself, in whose place there
// is a FakeCuda.

#include "libs/loader/placement.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "ATen/core/Tensor.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/loader/batch.h"
#include "libs/loader/cuda_calls.h"
#include "libs/loader/dist_neighbor_loader.h"
#include "libs/loader/fake_cluster.h"
#include "libs/loader/fake_cuda.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_matchers.h"
#include "torch/cuda.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<Placement> Place(FakeCuda& cuda, absl::string_view device,
                                bool pin,
                                uint64_t budget = kDefaultPinnedBudget) {
  return Placement::Create(device, pin, budget, cuda.calls());
}

// Batches as a sampler pool writes them, which a trainer's tensors are views
// of.
std::vector<FakeTensor> Tensors(uint64_t /*batch_index*/) {
  return {{"#IS_HETERO", {0}},
          {"ids", {10, 11, 12}},
          {"batch", {10}},
          {"cols", {1, 2}},
          {"rows", {0, 0}}};
}

// A stream whose batches land as `placement` says, with an epoch begun.
absl::StatusOr<std::unique_ptr<SampleStream>> Begin(
    const FakeCluster& cluster, const Placement& placement) {
  NeighborLoaderOptions options;
  options.registry = cluster.address();
  absl::StatusOr<SampleStreamOptions> resolved = Resolve(options);
  if (!resolved.ok()) return resolved.status();
  resolved->landing = placement.landing();
  absl::StatusOr<std::unique_ptr<SampleStream>> stream =
      SampleStream::Create(nullptr, *std::move(resolved));
  if (!stream.ok()) return stream;
  if (absl::Status begun = (*stream)->StartEpoch(); !begun.ok()) return begun;
  return stream;
}

TEST(Placement, IsTheCpuUnlessThereIsADevice) {  // GL-057
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement real,
                                Placement::Create("", /*pin_memory=*/false));
  EXPECT_EQ(real.device().is_cuda(), torch::cuda::is_available());
  FakeCuda cuda;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement none, Place(cuda, "", false));
  EXPECT_EQ(none.device(), c10::Device(c10::kCUDA, 1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement cpu, Place(cuda, "cpu", false));
  EXPECT_TRUE(cpu.device().is_cpu());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement first,
                                Place(cuda, "cuda:0", false));
  EXPECT_EQ(first.device(), c10::Device(c10::kCUDA, 0));
  // The trainer's current device, whatever thread receives.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement current,
                                Place(cuda, "cuda", false));
  EXPECT_EQ(current.device(), c10::Device(c10::kCUDA, 1));
}

TEST(Placement, WithoutCudaSaysWhatIsMissing) {  // RC-05
  const auto refused = [](absl::string_view device, bool pin,
                          const CudaCalls& cuda, const char* what,
                          const char* mend) {
    EXPECT_THAT(Placement::Create(device, pin, 0, cuda),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr(what), HasSubstr("needs CUDA"),
                               HasSubstr(mend))));
  };
  const CudaCalls no_cuda;
  const CudaCalls no_device{.is_built_in = true};
  refused("cpu", true, no_cuda, "pin_memory", "LIBTORCH");
  refused("cpu", true, no_device, "pin_memory", "nvidia-smi");
  refused("cuda", false, no_cuda, "to_device: \"cuda\"", "LIBTORCH");
  refused("cuda:1", false, no_device, "to_device: \"cuda:1\"", "nvidia-smi");
  if (torch::cuda::is_available()) return;
  EXPECT_THAT(Placement::Create("cpu", /*pin_memory=*/true),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Placement::Create("cuda", /*pin_memory=*/false),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(Placement, DeviceBeyondTheLastIsNamed) {
  FakeCuda cuda;
  EXPECT_THAT(Place(cuda, "cuda:2", false),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("cuda:2"), HasSubstr("2 CUDA"))));
}

// RC-05: as they arrive, and not when the trainer asks.
TEST(Placement, BatchesAreReceivedIntoPinnedMemory) {
  FakeCluster cluster({.batches = 3, .tensors = Tensors});
  FakeCuda cuda;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement pinned,
                                Place(cuda, "cpu", true));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, pinned));
  while (stream->stats().queued < 3) std::this_thread::yield();
  EXPECT_THAT(cuda.threads(), Not(Contains(std::this_thread::get_id())));
  for (int i = 0; i < 3; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> received,
                                  stream->Next());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                  Batch(*std::move(received), pinned).ToData());
    EXPECT_TRUE(cuda.IsPinned(data.n_id.data_ptr()));
    EXPECT_TRUE(cuda.IsPinned(data.edge_index.data_ptr()));
  }
  // The tensors were views: nothing was pinned by this thread.
  EXPECT_THAT(cuda.threads(), Not(Contains(std::this_thread::get_id())));
}

TEST(Placement, BatchIsCopiedToTheDeviceAsItArrives) {
  FakeCluster cluster({.batches = 3, .tensors = Tensors});
  FakeCuda cuda;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                Place(cuda, "cuda:1", true));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
  while (stream->stats().queued < 3) std::this_thread::yield();
  EXPECT_EQ(cuda.devices(),
            std::vector<c10::Device>(3, c10::Device(c10::kCUDA, 1)));
  for (int i = 0; i < 3; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> received,
                                  stream->Next());
    const ReceivedBatch here = *received;
    const at::Tensor& copy =
        std::static_pointer_cast<const DeviceCopy>(here.copy)->tensor;
    const auto* const begin = static_cast<uint8_t*>(copy.data_ptr());
    const Batch batch(*std::move(received), there);
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data, batch.ToData());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data original, Batch(here).ToData());
    for (const auto& [mine, its] :
         {std::pair(data.n_id, original.n_id),
          std::pair(data.batch, original.batch),
          std::pair(data.edge_index, original.edge_index)}) {
      EXPECT_TRUE(mine.equal(its));
      EXPECT_NE(mine.data_ptr(), its.data_ptr());
      EXPECT_GE(mine.data_ptr(), begin);
      EXPECT_LT(mine.data_ptr(), begin + copy.nbytes());
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const at::Tensor ids, batch.Get("ids"));
    EXPECT_EQ(ids.data_ptr(), data.n_id.data_ptr());
  }
  EXPECT_EQ(cuda.devices().size(), 3u);  // one for each batch
}

// Batches that differ.
std::vector<FakeTensor> NumberedTensors(uint64_t batch_index) {
  const auto first = static_cast<int64_t>(100 * batch_index);
  return {{"#IS_HETERO", {0}},
          {"ids", {first, first + 1, first + 2}},
          {"batch", {first}},
          {"cols", {1, 2}},
          {"rows", {0, 0}}};
}

TEST(Placement, BatchesAreOnTheirWayWhileTheTrainerWorksOnOne) {
  FakeCluster cluster({.batches = 3, .tensors = NumberedTensors});
  FakeCuda cuda;
  cuda.is_slow = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                Place(cuda, "cuda:1", true));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
  // The third copy is started though the first is not done ...
  while (stream->stats().queued < 3) std::this_thread::yield();
  EXPECT_EQ(cuda.copies_on_their_way(), 3u);
  EXPECT_TRUE(cuda.users().empty());
  // ... and nor does the trainer wait, but its stream does.
  std::vector<at::Tensor> ids;
  for (int i = 0; i < 3; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> received,
                                  stream->Next());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                  Batch(*std::move(received), there).ToData());
    ids.push_back(data.n_id);
  }
  EXPECT_EQ(cuda.copies_on_their_way(), 3u);
  EXPECT_EQ(cuda.users(), std::set{std::this_thread::get_id()});
  cuda.EndCopies();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids[i].data_ptr<int64_t>()[0], static_cast<int64_t>(100 * i));
  }
}

TEST(Placement, PinnedMemoryIsLeftAloneUntilTheDeviceHasReadIt) {
  FakeCluster cluster({.batches = 6, .tensors = NumberedTensors});
  FakeCuda cuda;
  cuda.is_slow = true;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                Place(cuda, "cuda:1", true));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
  std::vector<at::Tensor> ids;
  for (int i = 0; i < 6; ++i) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> received,
                                  stream->Next());
    // The batch goes at once; of what it was made from, the copy is not done.
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const at::Tensor tensor, Batch(*std::move(received), there).Get("ids"));
    ids.push_back(tensor);
  }
  cuda.EndCopies();
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(ids[i].data_ptr<int64_t>()[2], static_cast<int64_t>(100 * i + 2));
  }
}

TEST(Placement, PinnedMemoryHasABudget) {
  FakeCluster cluster({.batches = 2, .tensors = Tensors});
  FakeCuda cuda;
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                Place(cuda, "cpu", true, /*budget=*/1));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
  EXPECT_THAT(stream->Next(), StatusIs(absl::StatusCode::kResourceExhausted,
                                       HasSubstr("raise the budget")));
}

// Labels of anchors are made of what was received, and so is the copy.
TEST(Placement, TensorThatIsNoViewIsCopiedWhenItIsAskedFor) {
  FakeCluster cluster({.batches = 1, .tensors = [](uint64_t /*batch_index*/) {
                         return std::vector<FakeTensor>{
                             {"#IS_HETERO", {0}},
                             {"ids", {10, 11}},
                             {"rows", {0}},
                             {"cols", {1}},
                             {"batch", {10}},
                             {"#META.gigl_positive_labels.a__to__a", {11}, 1}};
                       }});
  for (const char* device : {"cpu", "cuda:0"}) {
    SCOPED_TRACE(device);
    FakeCuda cuda;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                  Place(cuda, device, true));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(std::optional<ReceivedBatch> received,
                                  stream->Next());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Data data,
                                  Batch(*std::move(received), there).ToData());
    ASSERT_EQ(data.y_positive.size(), 1u);
    const at::Tensor& labels = data.y_positive.begin()->second;
    EXPECT_EQ(labels.data_ptr<int64_t>()[1], 1);
    EXPECT_EQ(cuda.IsPinned(labels.data_ptr()), there.device().is_cpu());
    EXPECT_THAT(cuda.threads(), Contains(std::this_thread::get_id()));
  }
}

TEST(Placement, BatchThatFindsNoRoomIsAnErrorInItsPlace) {
  for (const char* device : {"cpu", "cuda:0"}) {
    SCOPED_TRACE(device);
    FakeCluster cluster({.batches = 2});
    FakeCuda cuda;
    cuda.is_full = true;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const Placement there,
                                  Place(cuda, device, true));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const auto stream, Begin(cluster, there));
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(stream->Next(),
                  StatusIs(absl::StatusCode::kResourceExhausted));
    }
    EXPECT_THAT(stream->Next(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("[0, 2)")));
  }
}

TEST(Placement, LoaderIsRefusedBeforeItJoins) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a CUDA device";
  NeighborLoaderOptions options;
  options.registry = "127.0.0.1:1";  // where nothing is
  options.pin_memory = true;
  EXPECT_THAT(
      DistNeighborLoader::Create(options),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("pin_memory")));
}

}  // namespace
}  // namespace fairlead
