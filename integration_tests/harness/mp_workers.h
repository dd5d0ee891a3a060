#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_MP_WORKERS_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_MP_WORKERS_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/mp_sample_stream.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/worker_options.h"
#include "libs/shm_channel/shm_folder.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"

// Loaders with sampler pools of their own, as real processes.
namespace fairlead::testing {

using Digests = std::map<uint64_t, uint64_t>;  // by batch index

// What is left of an epoch.
inline absl::StatusOr<Digests> Drain(SampleStream& stream) {
  Digests digests;
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const std::optional<ReceivedBatch> batch,
                              stream.Next());
    if (!batch.has_value()) return digests;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(batch->buffer.get()) % 64, 0u);
    EXPECT_TRUE(digests
                    .emplace(batch->message.header.batch_index(),
                             ContentDigest(batch->message))
                    .second);
  }
}

inline absl::StatusOr<std::vector<Digests>> Epochs(SampleStream& stream,
                                                   int epochs) {
  std::vector<Digests> all;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    FAIRLEAD_RETURN_IF_ERROR(stream.StartEpoch());
    FAIRLEAD_ASSIGN_OR_RETURN(all.emplace_back(), Drain(stream));
    EXPECT_THAT(all.back(), ::testing::SizeIs(stream.batches()));
  }
  return all;
}

// A pool of the test's own program, with shared memory of its own.
class MpTest : public ::testing::Test {
 protected:
  MpWorkerOptions Workers() const {
    return {.num_workers = 2,
            .channel_size = 4 << 20,
            .shm_dir = shm_dir_,
            .sampler_pool_program = Program("services/sampler_pool"),
            .log_dir = NewFolder()};
  }

  std::vector<std::string> LeftInShm() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(shm_dir_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  const ShmFolder folder_;
  const std::string& shm_dir_ = folder_.path();
};

// Over one graph, in 64 batches.
class MpSampleStreamTest : public MpTest {
 protected:
  MpSampleStreamTest()
      : folder_(*MakeKronecker()), dataset_(*DistDataset::Load(folder_, 0)) {}

  NeighborLoaderOptions Options() const {
    NeighborLoaderOptions options;
    options.input_nodes.split = "all";
    options.fanout = {5, 5};
    options.batch_size = 16;  // 64 batches
    options.shuffle = true;
    options.worker_options = Workers();
    return options;
  }

  absl::StatusOr<std::unique_ptr<MpSampleStream>> Create() {
    return MpSampleStream::Create(dataset_, *Resolve(Options()));
  }

  absl::StatusOr<Digests> Expected(int epoch) {
    NeighborLoaderOptions options = Options();
    options.worker_options = CollocatedWorkerOptions();
    FAIRLEAD_ASSIGN_OR_RETURN(const auto stream,
                              SampleStream::Create(&dataset_, options));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<Digests> all,
                              Epochs(*stream, epoch + 1));
    return all.back();
  }

  const std::string folder_;
  const DistDataset dataset_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_MP_WORKERS_H_
