#ifndef FAIRLEAD_LIBS_BATCH_MAKER_CHANNEL_PLAN_H_
#define FAIRLEAD_LIBS_BATCH_MAKER_CHANNEL_PLAN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/batch_maker/sampling_plan.h"
#include "libs/cuda/accelerator.h"
#include "libs/graph/dataset.h"
#include "protos/fairlead/v1/sampling.pb.h"

namespace fairlead {

// Seed ids: a list, or all ids of a range, which takes no memory however many
// there are.
class SeedList {
 public:
  SeedList() = default;
  // `ids` must outlive it.
  explicit SeedList(absl::Span<const int64_t> ids)
      : ids_(ids), is_list_(true), size_(ids.size()) {}
  // The ids [first, first + size).
  static SeedList Range(int64_t first, int64_t size) {
    SeedList all;
    all.first_ = first;
    all.size_ = static_cast<uint64_t>(size);
    return all;
  }

  // The ids at [begin, end).
  SeedList Part(uint64_t begin, uint64_t end) const {
    SeedList part = *this;
    part.size_ = end - begin;
    if (is_list_) {
      part.ids_ = ids_.subspan(begin, part.size_);
    } else {
      part.first_ = first_ + static_cast<int64_t>(begin);
    }
    return part;
  }

  uint64_t size() const { return size_; }
  int64_t operator[](uint64_t i) const {
    return is_list_ ? ids_[i] : first_ + static_cast<int64_t>(i);
  }

 private:
  absl::Span<const int64_t> ids_;
  bool is_list_ = false;
  int64_t first_ = 0;
  uint64_t size_ = 0;
};

// Nodes of this partition: of a split, and of these a slice, unless it is null.
// The list points into the dataset. INVALID_ARGUMENT for what is no split or
// slice; NOT_FOUND for a type or split that the dataset lacks.
absl::StatusOr<SeedList> SelectNodes(const Dataset& dataset,
                                     const std::string& node_type,
                                     v1::Split split,
                                     const v1::SeedSlice* slice);

// What a channel samples, checked against the dataset and resolved to its
// indices: all that the makers of its batches need to know. Immutable, so
// shared by workers without a lock. The dataset must outlive it.
class ChannelPlan {
 public:
  // INVALID_ARGUMENT, naming the field, for a config that makes no sense;
  // NOT_FOUND for a node type, edge type or split that the dataset lacks;
  // OUT_OF_RANGE, naming it, for a seed id that is no node. `accelerator`, of
  // that dataset, does what it can of each batch, and must outlive the plan.
  static absl::StatusOr<ChannelPlan> Create(
      const Dataset& dataset, const v1::SeedNodes& input,
      const v1::SamplingConfig& config,
      cuda::Accelerator* accelerator = nullptr);

  // Moves only: seeds_ may point into own_seeds_.
  ChannelPlan(ChannelPlan&&) = default;
  ChannelPlan& operator=(ChannelPlan&&) = default;

  const Dataset& dataset() const { return *dataset_; }
  cuda::Accelerator* accelerator() const { return accelerator_; }  // or null
  int seed_type() const { return seed_type_; }
  const SeedList& seeds() const { return seeds_; }
  uint64_t batch_size() const { return batch_size_; }
  bool shuffle() const { return shuffle_; }
  bool drop_last() const { return drop_last_; }
  bool collect_features() const { return collect_features_; }
  const SamplingPlan& sampling() const { return *sampling_; }
  // Of links, the destination of each seed, and maybe its label.
  absl::Span<const int64_t> destinations() const { return destinations_; }
  absl::Span<const int64_t> edge_labels() const { return edge_labels_; }
  // For temporal sampling, the time of each seed.
  absl::Span<const int64_t> times() const { return times_; }
  uint64_t batches_per_epoch() const { return batches_per_epoch_; }

  // Of its own: lists of seeds, and what goes with each. A split, or all nodes,
  // take nothing.
  uint64_t memory_bytes() const {
    return sizeof(int64_t) * (own_seeds_.size() + destinations_.size() +
                              edge_labels_.size() + times_.size());
  }

  // The sum of SplitMix64 of all seeds, as in EpochEnd.
  uint64_t seed_digest() const { return seed_digest_; }

  // How many of the epoch's seeds are in a batch: all, but for drop_last.
  uint64_t seeds_per_epoch() const;

  // How many seeds a batch has. REQUIRES batch_index < batches_per_epoch().
  uint64_t SeedsOf(uint64_t batch_index) const;

  // Of the dataset's name and partition, the input and the config: the same in
  // any process, so that with an epoch and an index it names a batch.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  ChannelPlan() = default;

  absl::Status SetNodes(const v1::SeedNodes& input);
  absl::Status SetEdges(const v1::SeedNodes& input);
  absl::Status SetTimes(const v1::SeedNodes& input);
  // All edges of this partition.
  void ListEdges(const EdgeType& type);

  const Dataset* dataset_ = nullptr;
  cuda::Accelerator* accelerator_ = nullptr;
  int seed_type_ = 0;
  std::vector<int64_t> own_seeds_;  // where the input is a list of ids
  SeedList seeds_;                  // of own_seeds_, the dataset's, or all
  uint64_t batch_size_ = 0;
  bool shuffle_ = false;
  bool drop_last_ = false;
  bool collect_features_ = false;
  std::unique_ptr<const SamplingPlan> sampling_;
  std::vector<int64_t> destinations_;
  std::vector<int64_t> edge_labels_;
  std::vector<int64_t> times_;
  uint64_t batches_per_epoch_ = 0;
  uint64_t seed_digest_ = 0;
  uint64_t fingerprint_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_BATCH_MAKER_CHANNEL_PLAN_H_
