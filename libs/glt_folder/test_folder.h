#ifndef FAIRLEAD_LIBS_GLT_FOLDER_TEST_FOLDER_H_
#define FAIRLEAD_LIBS_GLT_FOLDER_TEST_FOLDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// Partition folders to test readers with, byte by byte as Python, torch and GLT
// write them: nothing here is shared with the readers.
namespace fairlead::testing {

struct TestTensor {
  std::string storage_type;  // "LongStorage"
  std::vector<int32_t> shape;
  std::string data;  // dense
};

TestTensor Uint8s(const std::vector<uint8_t>& values);
TestTensor Int32s(const std::vector<int32_t>& values);
TestTensor Int64s(const std::vector<int64_t>& values);
TestTensor Floats(const std::vector<float>& values);
// With another shape. REQUIRES as many elements.
TestTensor Shaped(TestTensor tensor, std::vector<int32_t> shape);

// torch.save(tensor, file).
std::string TorchSaved(const TestTensor& tensor);
// torch.save(tensor.expand(...)) of one int64: strides of 0.
std::string TorchSavedExpanded(int32_t elements);
// pickle.dump(tensor, file, protocol=3), the first with an opcode for bytes.
std::string Pickled(const TestTensor& tensor);

struct TestMeta {
  std::string num_parts;  // a pickled value each, empty to leave out
  std::string data_cls;
  std::string node_types;
  std::string edge_types;
};
std::string PickledMeta(const TestMeta& meta);
std::string PickledList(const std::vector<std::string>& pickled_values);
std::string PickledTuple(const std::vector<std::string>& strings);

// Bytes by path in the folder. A path that ends with "/" is a folder.
using TestFolder = std::map<std::string, std::string>;

// 6 nodes with 2 features, of which partition 0 caches those of nodes 5 and 2;
// a ring of edges and the edge 0 -> 3, with weights and a feature.
//   node       0 1 2 3 4 5      features [id, id + 0.5], float32
//   partition  0 0 1 1 0 1
//   edge       0 1 2 3 4 5 6    feature [10 * id], int32; weight id / 2
//   from       0 1 2 3 4 5 0
//   to         1 2 3 4 5 0 3
TestFolder HomogeneousFolder();

// Users 0 to 2, owned by 1, 0, 1, with a feature [id], float32, in partition 1
// only; items 0 and 1, owned by 0 and 1.
//   buys       user -> item    0: 0->0   1: 1->0   2: 2->1   3: 1->1
//   bought_by  item -> user    0: 0->1
TestFolder HeterogeneousFolder();

// Writes a folder below the test's own, in place of what was there. Returns its
// path.
std::string WriteTestFolder(const std::string& name, const TestFolder& folder);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_GLT_FOLDER_TEST_FOLDER_H_
