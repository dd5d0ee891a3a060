#include "tools/dataset/synthetic_nodes.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "libs/graph/dataset_manifest.h"
#include "libs/graph/dataset_writer.h"
#include "libs/graph/npy.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/random_split.h"

namespace fairlead {
namespace {

constexpr int64_t kClasses = 10;
// Of int8 features, whose values lie in [-1, 2).
constexpr float kStepsPerOne = 63;

int64_t LabelOf(uint64_t seed, uint64_t node) {
  return static_cast<int64_t>(
      RandomStream(seed, node, kLabelLane).Below(kClasses));
}

absl::Status WriteLabels(const SyntheticNodes& options, const std::string& path,
                         int64_t nodes) {
  FAIRLEAD_ASSIGN_OR_RETURN(NpyWriter writer,
                            NpyWriter::Create(path, "i8", {nodes}));
  for (int64_t node = 0; node < nodes; ++node) {
    const int64_t label = LabelOf(options.seed, static_cast<uint64_t>(node));
    FAIRLEAD_RETURN_IF_ERROR(writer.Append(&label, sizeof(label)));
  }
  return writer.Finish();
}

absl::Status WriteFeatures(const SyntheticNodes& options,
                           const std::string& path, int64_t nodes,
                           const std::function<void()>& step) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      NpyWriter writer,
      NpyWriter::Create(path, options.int8_features ? "i1" : "f4",
                        {nodes, options.feature_dim}));
  const auto columns = static_cast<size_t>(options.feature_dim);
  std::vector<float> row(columns);
  std::vector<int8_t> narrow_row(columns);
  for (int64_t node = 0; node < nodes; ++node) {
    RandomStream random(options.seed, static_cast<uint64_t>(node),
                        kFeatureLane);
    for (float& value : row) {
      value = static_cast<float>(random.Next32()) * 0x1p-31F - 1;
    }
    row[static_cast<size_t>(LabelOf(options.seed, static_cast<uint64_t>(node)) %
                            options.feature_dim)] += 1;
    if (options.int8_features) {
      for (size_t i = 0; i < columns; ++i) {
        narrow_row[i] = static_cast<int8_t>(std::lround(row[i] * kStepsPerOne));
      }
      FAIRLEAD_RETURN_IF_ERROR(writer.Append(narrow_row.data(), columns));
    } else {
      FAIRLEAD_RETURN_IF_ERROR(
          writer.Append(row.data(), columns * sizeof(float)));
    }
    step();
  }
  return writer.Finish();
}

}  // namespace

absl::Status CheckSyntheticNodes(const SyntheticNodes& options) {
  if (options.feature_dim < 0 || options.feature_dim > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("--feature_dim=", options.feature_dim,
                     ": must be between 0 and 65536"));
  }
  return absl::OkStatus();
}

absl::Status WriteSyntheticNodes(const SyntheticNodes& options,
                                 const std::string& directory,
                                 const std::function<void()>& step,
                                 NodeTypeManifest* manifest) {
  const auto path = [&directory](const std::string& file) {
    return absl::StrCat(directory, "/", file);
  };
  manifest->num_classes = kClasses;
  manifest->labels = "labels.npy";
  FAIRLEAD_RETURN_IF_ERROR(
      WriteLabels(options, path(manifest->labels), manifest->num_nodes));
  if (options.feature_dim > 0) {
    FeaturesManifest& features = manifest->features.emplace();
    features.file = "features.npy";
    FAIRLEAD_RETURN_IF_ERROR(
        WriteFeatures(options, path(features.file), manifest->num_nodes, step));
    if (options.int8_features) {
      features.scale = "features.scale.npy";
      FAIRLEAD_RETURN_IF_ERROR(
          WriteNpy<float>(path(features.scale), "f4", {1}, {1 / kStepsPerOne}));
    }
  }
  DatasetContents::Nodes split;
  split.num_nodes = manifest->num_nodes;
  SplitAtRandom(options.seed, &split);
  const auto write_ids = [&path](const std::string& file,
                                 const std::vector<int64_t>& ids) {
    return WriteNpy<int64_t>(path(file), "i8",
                             {static_cast<int64_t>(ids.size())}, ids);
  };
  manifest->train = "train.npy";
  manifest->val = "val.npy";
  manifest->test = "test.npy";
  FAIRLEAD_RETURN_IF_ERROR(write_ids(manifest->train, *split.train));
  FAIRLEAD_RETURN_IF_ERROR(write_ids(manifest->val, *split.val));
  return write_ids(manifest->test, *split.test);
}

}  // namespace fairlead
