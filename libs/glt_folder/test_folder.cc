#include "libs/glt_folder/test_folder.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/python_files/test_files.h"

namespace fairlead::testing {
namespace {

constexpr char kProtocol2[] = "\x80\x02";

template <typename T>
TestTensor Numbers(const char* storage_type, const std::vector<T>& values) {
  std::string data;
  for (const T value : values) {
    data += Le(static_cast<uint64_t>(value), sizeof(T));
  }
  return {storage_type, {static_cast<int32_t>(values.size())}, data};
}

int32_t Elements(const TestTensor& tensor) {
  int32_t elements = 1;
  for (const int32_t dimension : tensor.shape) elements *= dimension;
  return elements;
}

std::vector<int32_t> Strides(const std::vector<int32_t>& shape) {
  std::vector<int32_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

void AddEdges(const std::string& path, const std::vector<int64_t>& rows,
              const std::vector<int64_t>& cols,
              const std::vector<int64_t>& eids, TestFolder* folder) {
  (*folder)[path + "/rows.pt"] = TorchSaved(Int64s(rows));
  (*folder)[path + "/cols.pt"] = TorchSaved(Int64s(cols));
  (*folder)[path + "/eids.pt"] = TorchSaved(Int64s(eids));
}

}  // namespace

TestTensor Uint8s(const std::vector<uint8_t>& values) {
  return Numbers("ByteStorage", values);
}

TestTensor Int32s(const std::vector<int32_t>& values) {
  return Numbers("IntStorage", values);
}

TestTensor Int64s(const std::vector<int64_t>& values) {
  return Numbers("LongStorage", values);
}

TestTensor Floats(const std::vector<float>& values) {
  std::vector<uint32_t> bits;
  bits.reserve(values.size());
  for (const float value : values)
    bits.push_back(std::bit_cast<uint32_t>(value));
  return Numbers("FloatStorage", bits);
}

TestTensor Shaped(TestTensor tensor, std::vector<int32_t> shape) {
  tensor.shape = std::move(shape);
  return tensor;
}

std::string TorchSaved(const TestTensor& tensor) {
  return MakeTorch(
      kProtocol2 +
          PyTensor(PyStorage(tensor.storage_type, "0", Elements(tensor)), 0,
                   tensor.shape, Strides(tensor.shape)) +
          ".",
      {tensor.data});
}

std::string TorchSavedExpanded(int32_t elements) {
  return MakeTorch(
      kProtocol2 +
          PyTensor(PyStorage("LongStorage", "0", 1), 0, {elements}, {0}) + ".",
      {Le(0, 8)});
}

std::string Pickled(const TestTensor& tensor) {
  const std::string bytes =
      LegacyStorageBytes(tensor.storage_type, Elements(tensor), tensor.data);
  const std::string storage = PyGlobal("torch.storage", "_load_from_bytes") +
                              "B" + Le(bytes.size(), 4) + bytes + "\x85R";
  return "\x80\x03" +
         PyTensor(storage, 0, tensor.shape, Strides(tensor.shape)) + ".";
}

std::string PickledMeta(const TestMeta& meta) {
  std::string items;
  const auto add = [&items](const char* key, const std::string& value) {
    if (!value.empty()) items += PyStr(key) + value;
  };
  add("num_parts", meta.num_parts);
  add("data_cls", meta.data_cls);
  add("node_types", meta.node_types);
  add("edge_types", meta.edge_types);
  return kProtocol2 + ("}(" + items) + "u.";
}

std::string PickledList(const std::vector<std::string>& pickled_values) {
  std::string text = "](";
  for (const std::string& value : pickled_values) text += value;
  return text + "e";
}

std::string PickledTuple(const std::vector<std::string>& strings) {
  std::string text = "(";
  for (const std::string& part : strings) text += PyStr(part);
  return text + "t";
}

TestFolder HomogeneousFolder() {
  TestFolder folder = {
      {"META", PickledMeta({.num_parts = PyInt(2),
                            .data_cls = PyStr("homo"),
                            .node_types = "N",
                            .edge_types = "N"})},
      {"node_pb.pt", TorchSaved(Int64s({0, 0, 1, 1, 0, 1}))},
      {"edge_pb.pt", TorchSaved(Uint8s({0, 0, 1, 1, 0, 1, 0}))},
      // Two chunks; a cache.
      {"part0/node_feat/ids.pkl",
       Pickled(Int64s({0, 1})) + Pickled(Int64s({4}))},
      {"part0/node_feat/feats.pkl",
       Pickled(Shaped(Floats({0, 0.5, 1, 1.5}), {2, 2})) +
           Pickled(Shaped(Floats({4, 4.5}), {1, 2}))},
      {"part0/node_feat/cache_ids.pt", TorchSaved(Int64s({5, 2}))},
      {"part0/node_feat/cache_feats.pt",
       TorchSaved(Shaped(Floats({5, 5.5, 2, 2.5}), {2, 2}))},
      {"part1/node_feat/ids.pkl", Pickled(Int64s({5, 2, 3}))},
      {"part1/node_feat/feats.pkl",
       Pickled(Shaped(Floats({5, 5.5, 2, 2.5, 3, 3.5}), {3, 2}))},
      // As older GLT wrote them.
      {"part0/edge_feat/ids.pt", TorchSaved(Int64s({0, 1, 4, 6}))},
      {"part0/edge_feat/feats.pt",
       TorchSaved(Shaped(Int32s({0, 10, 40, 60}), {4, 1}))},
      {"part1/edge_feat/ids.pt", TorchSaved(Int64s({2, 3, 5}))},
      {"part1/edge_feat/feats.pt",
       TorchSaved(Shaped(Int32s({20, 30, 50}), {3, 1}))},
  };
  AddEdges("part0/graph", {0, 1, 4, 0}, {1, 2, 5, 3}, {0, 1, 4, 6}, &folder);
  AddEdges("part1/graph", {2, 3, 5}, {3, 4, 0}, {2, 3, 5}, &folder);
  folder["part0/graph/weights.pt"] = TorchSaved(Floats({0, 0.5, 2, 3}));
  folder["part1/graph/weights.pt"] = TorchSaved(Floats({1, 1.5, 2.5}));
  return folder;
}

TestFolder HeterogeneousFolder() {
  const std::string buys = "user__buys__item";
  const std::string bought_by = "item__bought_by__user";
  TestFolder folder = {
      {"META",
       PickledMeta({.num_parts = PyInt(2),
                    .data_cls = PyStr("hetero"),
                    .node_types = PickledList({PyStr("user"), PyStr("item")}),
                    .edge_types = PickledList(
                        {PickledTuple({"user", "buys", "item"}),
                         PickledTuple({"item", "bought_by", "user"})})})},
      {"node_pb/user.pt", TorchSaved(Int32s({1, 0, 1}))},
      {"node_pb/item.pt", TorchSaved(Uint8s({0, 1}))},
      {"edge_pb/" + buys + ".pt", TorchSaved(Int64s({1, 0, 1, 0}))},
      {"edge_pb/" + bought_by + ".pt", TorchSaved(Int64s({0}))},
      {"part1/node_feat/user/ids.pkl", Pickled(Int64s({0, 2}))},
      {"part1/node_feat/user/feats.pkl",
       Pickled(Shaped(Floats({0, 2}), {2, 1}))},
  };
  AddEdges("part0/graph/" + buys, {1, 1}, {0, 1}, {1, 3}, &folder);
  AddEdges("part1/graph/" + buys, {0, 2}, {0, 1}, {0, 2}, &folder);
  AddEdges("part0/graph/" + bought_by, {0}, {1}, {0}, &folder);
  AddEdges("part1/graph/" + bought_by, {}, {}, {}, &folder);
  return folder;
}

std::string WriteTestFolder(const std::string& name, const TestFolder& folder) {
  std::string root = absl::StrCat(::testing::TempDir(), "/", name);
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root);
  for (const auto& [path, bytes] : folder) {
    const std::filesystem::path full = absl::StrCat(root, "/", path);
    std::filesystem::create_directories(full.parent_path());
    if (path.back() != '/') std::ofstream(full, std::ios::binary) << bytes;
  }
  return root;
}

}  // namespace fairlead::testing
