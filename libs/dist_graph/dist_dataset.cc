#include "libs/dist_graph/dist_dataset.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/cuda/accelerator.h"
#include "libs/cuda/device_options.h"
#include "libs/cuda/open_accelerator.h"
#include "libs/graph/dataset.h"
#include "libs/graph/dataset_writer.h"
#include "libs/sampling/node_split.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "libs/type_names/type_names.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kFormat[] = "fairlead.dataset_handle.v1";
constexpr char kPrefix[] = "fairlead-dataset-";
constexpr char kLock[] = "lock";

// Tells a dataset.json from another that took its place.
absl::StatusOr<std::string> Fingerprint(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/dataset.json");
  struct stat stats {};
  if (stat(path.c_str(), &stats) != 0) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be read: ", strerror(errno)));
  }
  return absl::StrCat(stats.st_dev, "-", stats.st_ino, "-", stats.st_size, "-",
                      stats.st_mtim.tv_sec, ".", stats.st_mtim.tv_nsec);
}

// Whether this is what ShareIpc writes of a new split.
bool IsSplit(const Json& split) {
  const auto is = [&split](const char* key, auto is_kind) {
    return split.contains(key) && (split[key].*is_kind)();
  };
  return split.is_object() && is("num_val", &Json::is_number) &&
         is("num_test", &Json::is_number) &&
         is("seed", &Json::is_number_unsigned) &&
         is("node_type", &Json::is_string);
}

Json ToJson(const SplitSize& size) {
  return std::visit([](const auto& value) { return Json(value); }, size);
}

Json ToJson(const cuda::DeviceOptions& options) {
  return {{"graph_mode", options.graph_mode},
          {"feature_with_gpu", options.feature_with_gpu},
          {"device", options.device},
          {"device_group_list", options.device_group_list},
          {"memory_budget_bytes", options.memory_budget_bytes}};
}

// Nothing for what ToJson does not write.
std::optional<cuda::DeviceOptions> DeviceOptionsOf(const Json& json) {
  try {
    return cuda::DeviceOptions{
        .graph_mode = json.at("graph_mode").get<std::string>(),
        .feature_with_gpu = json.at("feature_with_gpu").get<bool>(),
        .device = json.at("device").get<std::string>(),
        .device_group_list =
            json.at("device_group_list").get<std::vector<std::vector<int>>>(),
        .memory_budget_bytes = json.at("memory_budget_bytes").get<uint64_t>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

// REQUIRES IsSplit(split).
SplitSize SizeOf(const Json& split, const char* key) {
  if (split[key].is_number_integer()) return split[key].get<int64_t>();
  return split[key].get<double>();
}

// Folders whose maker is no more: nobody holds their lock.
void RemoveLeftovers(const std::string& shm_dir) {
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(shm_dir, ignored)) {
    if (!absl::StartsWith(entry.path().filename().string(), kPrefix)) continue;
    const std::string lock = entry.path().string() + "/" + kLock;
    const int fd = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;  // just being made, or just going
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      fs::remove_all(entry.path(), ignored);
    }
    close(fd);
  }
}

}  // namespace

// A folder that goes with this object. A held lock says that it is in use:
// process ids mean nothing between containers.
class DistDataset::OwnFolder {
 public:
  static absl::StatusOr<std::shared_ptr<const OwnFolder>> Make(
      const std::string& shm_dir) {
    RemoveLeftovers(shm_dir);
    std::string path = absl::StrCat(shm_dir, "/", kPrefix, "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat(
          shm_dir, ": no folder can be made in it: ", strerror(errno)));
    }
    // Under its name only once it is held: else another process might hold it
    // first, and take the folder for a leftover.
    const std::string lock = path + "/" + kLock;
    const std::string unheld = lock + ".new";
    const int fd = open(unheld.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    std::shared_ptr<const OwnFolder> folder(new OwnFolder(path, fd));
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
        rename(unheld.c_str(), lock.c_str()) != 0) {
      return absl::UnavailableError(
          absl::StrCat(lock, ": cannot be locked: ", strerror(errno)));
    }
    return folder;
  }

  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  ~OwnFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (lock_ >= 0) close(lock_);
  }

  const std::string& path() const { return path_; }

 private:
  OwnFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const int lock_;
};

// What a GPU has of a dataset.
class DistDataset::OnDevice {
 public:
  OnDevice(std::shared_ptr<const Dataset> dataset, cuda::DeviceOptions options)
      : dataset_(std::move(dataset)), options_(std::move(options)) {}

  const cuda::DeviceOptions& options() const { return options_; }

  absl::StatusOr<cuda::Accelerator*> Get() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    if (!is_open_) {
      FAIRLEAD_ASSIGN_OR_RETURN(accelerator_,
                                cuda::OpenAccelerator(*dataset_, options_));
      is_open_ = true;
    }
    return accelerator_.get();
  }

 private:
  const std::shared_ptr<const Dataset> dataset_;
  const cuda::DeviceOptions options_;
  Mutex mutex_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<cuda::Accelerator> accelerator_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<DistDataset> DistDataset::Load(const std::string& root_dir,
                                              uint32_t partition_idx,
                                              cuda::DeviceOptions device) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::shared_ptr<const Dataset> dataset,
      Dataset::Load(root_dir, {.partition = partition_idx}));
  FAIRLEAD_RETURN_IF_ERROR(cuda::CheckAccelerator(*dataset, device));
  auto on_device = std::make_shared<OnDevice>(dataset, std::move(device));
  return DistDataset(std::move(dataset), std::move(on_device));
}

const cuda::DeviceOptions& DistDataset::device_options() const {
  return on_device_->options();
}

absl::StatusOr<cuda::Accelerator*> DistDataset::accelerator() const {
  return on_device_->Get();
}

absl::StatusOr<DistDataset> DistDataset::Create(DatasetContents contents,
                                                const std::string& shm_dir) {
  FAIRLEAD_ASSIGN_OR_RETURN(std::shared_ptr<const OwnFolder> folder,
                            OwnFolder::Make(shm_dir));
  FAIRLEAD_RETURN_IF_ERROR(WriteDataset(folder->path(), std::move(contents)));
  FAIRLEAD_ASSIGN_OR_RETURN(DistDataset dataset, Load(folder->path(), 0));
  dataset.own_folder_ = std::move(folder);
  return dataset;
}

std::string DistDataset::ShareIpc() const {
  Json splits = Json::array();
  for (const auto& [type, split] : new_splits_) {
    splits.push_back(
        {{"node_type", dataset_->node_types()[static_cast<size_t>(type)].name},
         {"num_val", ToJson(split.num_val)},
         {"num_test", ToJson(split.num_test)},
         {"seed", split.seed}});
  }
  std::error_code unknown;  // the working directory is gone
  const fs::path directory = fs::absolute(dataset_->directory(), unknown);
  const Json handle = {
      {"format", kFormat},
      {"directory", unknown ? dataset_->directory() : directory.string()},
      {"partition", dataset_->partition()},
      {"fingerprint", Fingerprint(dataset_->directory()).value_or("")},
      {"device", ToJson(device_options())},
      {"splits", std::move(splits)}};
  return handle.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<DistDataset> DistDataset::FromIpcHandle(
    absl::string_view handle) {
  const Json json = Json::parse(handle.begin(), handle.end(), nullptr,
                                /*allow_exceptions=*/false);
  const auto is_text = [&json](const char* key) {
    return json.contains(key) && json[key].is_string();
  };
  if (!json.is_object() || !is_text("format") || json["format"] != kFormat ||
      !is_text("directory") || !is_text("fingerprint") ||
      !json.contains("partition") || !json["partition"].is_number_unsigned() ||
      json["partition"].get<uint64_t>() > UINT32_MAX ||
      !json.contains("device") || !DeviceOptionsOf(json["device"]) ||
      !json.contains("splits") || !json["splits"].is_array() ||
      !std::all_of(json["splits"].begin(), json["splits"].end(), IsSplit)) {
    return absl::InvalidArgumentError(
        "is no handle of a dataset; take it from DistDataset::ShareIpc");
  }
  const auto directory = json["directory"].get<std::string>();
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string now, Fingerprint(directory));
  if (now != json["fingerprint"].get<std::string>()) {
    return absl::FailedPreconditionError(
        absl::StrCat("dataset ", directory,
                     ": is not what it was when its handle was made; share it "
                     "again"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(DistDataset dataset,
                            Load(directory, json["partition"].get<uint32_t>(),
                                 *DeviceOptionsOf(json["device"])));
  for (const Json& split : json["splits"]) {
    FAIRLEAD_RETURN_IF_ERROR(dataset.RandomNodeSplit(
        SizeOf(split, "num_val"), SizeOf(split, "num_test"),
        split["seed"].get<uint64_t>(), split["node_type"].get<std::string>()));
  }
  return dataset;
}

namespace {

// The book of a type, found by `find`, that `member` of it is.
absl::StatusOr<const PartitionBook*> BookOf(
    absl::Span<const NodeType> types, absl::StatusOr<int> index,
    std::shared_ptr<const PartitionBook> NodeType::*member) {
  FAIRLEAD_RETURN_IF_ERROR(index.status());
  return (types[static_cast<size_t>(*index)].*member).get();
}

absl::StatusOr<const PartitionBook*> BookOf(
    const Dataset& dataset, absl::string_view type,
    std::shared_ptr<const PartitionBook> EdgeType::*member) {
  FAIRLEAD_ASSIGN_OR_RETURN(const EdgeType* found,
                            DistGraph(dataset).GetLocalGraph(type));
  return (found->*member).get();
}

}  // namespace

absl::StatusOr<const PartitionBook*> DistDataset::node_pb(
    absl::string_view type) const {
  return BookOf(dataset_->node_types(), dataset_->FindNodeType(type),
                &NodeType::book);
}

absl::StatusOr<const PartitionBook*> DistDataset::edge_pb(
    absl::string_view type) const {
  return BookOf(*dataset_, type, &EdgeType::book);
}

absl::StatusOr<const PartitionBook*> DistDataset::node_feat_pb(
    absl::string_view type) const {
  return BookOf(dataset_->node_types(), dataset_->FindNodeType(type),
                &NodeType::feature_book);
}

absl::StatusOr<const PartitionBook*> DistDataset::edge_feat_pb(
    absl::string_view type) const {
  return BookOf(*dataset_, type, &EdgeType::feature_book);
}

absl::StatusOr<FeatureRows> DistDataset::GetNodeLabels(
    absl::Span<const int64_t> ids, absl::string_view type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset_->FindNodeType(type));
  const NodeType& nodes = dataset_->node_types()[static_cast<size_t>(index)];
  if (!nodes.labels.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("node type ", nodes.name, " has no labels"));
  }
  FeatureRows rows;
  rows.element_type = nodes.labels->table.element_type;
  rows.rows = static_cast<int64_t>(ids.size());
  rows.columns = nodes.labels->table.columns;
  rows.data.resize(ids.size() *
                   static_cast<size_t>(nodes.labels->table.row_bytes()));
  FAIRLEAD_RETURN_IF_ERROR(
      nodes.labels->Gather(ids, absl::MakeSpan(rows.data)));
  return rows;
}

absl::StatusOr<absl::Span<const int64_t>> DistDataset::Split(
    absl::string_view split, absl::string_view type) const {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset_->FindNodeType(type));
  const std::string name(split);
  if (name != "train" && name != "val" && name != "test") {
    return absl::InvalidArgumentError(
        absl::StrCat("split: \"", split, "\" is none; use train, val or test"));
  }
  const auto made = new_splits_.find(index);
  if (made != new_splits_.end()) {
    return absl::MakeConstSpan(made->second.ids.at(name));
  }
  const NodeType& nodes = dataset_->node_types()[static_cast<size_t>(index)];
  const std::optional<absl::Span<const int64_t>>& ids =
      name == "train" ? nodes.train
      : name == "val" ? nodes.val
                      : nodes.test;
  if (ids.has_value()) return *ids;
  return absl::NotFoundError(
      absl::StrCat("node type ", nodes.name, " has no split ", split));
}

absl::Status DistDataset::RandomNodeSplit(SplitSize num_val, SplitSize num_test,
                                          uint64_t seed,
                                          absl::string_view type) {
  FAIRLEAD_ASSIGN_OR_RETURN(const int index, dataset_->FindNodeType(type));
  const NodeType& nodes = dataset_->node_types()[static_cast<size_t>(index)];
  FAIRLEAD_ASSIGN_OR_RETURN(
      NodeSplit split,
      fairlead::RandomNodeSplit(nodes.num_nodes, num_val, num_test, seed));
  for (std::vector<int64_t>* rows : {&split.train, &split.val, &split.test}) {
    for (int64_t& row : *rows) row = nodes.ids.Id(row);
  }
  new_splits_[index] = {.num_val = num_val,
                        .num_test = num_test,
                        .seed = seed,
                        .ids = {{"train", std::move(split.train)},
                                {"val", std::move(split.val)},
                                {"test", std::move(split.test)}}};
  return absl::OkStatus();
}

}  // namespace fairlead
