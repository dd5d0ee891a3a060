#include "libs/python_files/torch_file.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::AsShared;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::Le;
using ::fairlead::testing::LegacyStorageBytes;
using ::fairlead::testing::MakeTorch;
using ::fairlead::testing::MakeZip;
using ::fairlead::testing::Overwritten;
using ::fairlead::testing::PyGlobal;
using ::fairlead::testing::PyInt;
using ::fairlead::testing::PyStorage;
using ::fairlead::testing::PyStr;
using ::fairlead::testing::PyTensor;
using ::fairlead::testing::PyTuple;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteTestFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

absl::StatusOr<PickleDocument> Parse(const std::string& file) {
  return ParseTorchFile(AsShared(file), "some.pt");
}

template <typename T>
std::vector<T> Elements(const PickleValue& tensor) {
  const absl::StatusOr<std::vector<uint8_t>> bytes =
      MakeContiguous(tensor.array(), 1 << 20);
  EXPECT_THAT(bytes, IsOk());
  const T* const begin = reinterpret_cast<const T*>(bytes->data());
  return {begin, begin + bytes->size() / sizeof(T)};
}

// 0, 1, 2, ... of 8 bytes each.
std::string Longs(int count) {
  std::string data;
  for (int i = 0; i < count; ++i) data += Le(i, 8);
  return data;
}

TEST(TorchFile, ReadsATensorInTheMappedFile) {
  const std::string path = WriteTestFile(
      "book.pt", MakeTorch("\x80\x02" +
                               PyTensor(PyStorage("LongStorage", "0", 6), 0,
                                        {2, 3}, {3, 1}) +
                               ".",
                           {Longs(6)}));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document,
                                ReadTorchFile(path));
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const StridedArray* tensor,
                                document.root().GetArray("book.pt"));
  EXPECT_EQ(tensor->type, ElementType::kInt64);
  EXPECT_THAT(tensor->shape, ElementsAre(2, 3));
  EXPECT_TRUE(IsContiguous(*tensor));
  EXPECT_THAT(Elements<int64_t>(document.root()),
              ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(TorchFile, ViewsShareTheirStorage) {
  const std::string storage = PyStorage("LongStorage", "0", 6);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse(MakeTorch("(" + PyTensor(storage, 0, {3, 2}, {1, 3}) +
                          PyTensor(storage, 3, {3}, {1}) +
                          PyTensor(storage, 2, {}, {}) +
                          PyTensor(storage, 5, {4}, {0}) +
                          PyTensor(storage, 6, {0, 9}, {9, 1}) + "t.",
                      {Longs(6)})));
  const PickleValue& views = document.root();
  EXPECT_EQ(views.item(0).array().storage.data(),
            views.item(1).array().storage.data());
  EXPECT_THAT(Elements<int64_t>(views.item(0)), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(Elements<int64_t>(views.item(1)), ElementsAre(3, 4, 5));
  EXPECT_THAT(Elements<int64_t>(views.item(2)), ElementsAre(2));
  EXPECT_THAT(Elements<int64_t>(views.item(3)), ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(Elements<int64_t>(views.item(4)), ElementsAre());
}

TEST(TorchFile, ReadsEveryElementType) {
  const struct {
    const char* storage;
    ElementType type;
  } cases[] = {{"BoolStorage", ElementType::kBool},
               {"ByteStorage", ElementType::kUint8},
               {"CharStorage", ElementType::kInt8},
               {"ShortStorage", ElementType::kInt16},
               {"IntStorage", ElementType::kInt32},
               {"LongStorage", ElementType::kInt64},
               {"HalfStorage", ElementType::kFloat16},
               {"BFloat16Storage", ElementType::kBFloat16},
               {"FloatStorage", ElementType::kFloat32},
               {"DoubleStorage", ElementType::kFloat64}};
  for (const auto& [storage, type] : cases) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        const PickleDocument document,
        Parse(MakeTorch(PyTensor(PyStorage(storage, "0", 2), 0, {2}, {1}) + ".",
                        {std::string(2 * ElementBytes(type), '\1')})));
    EXPECT_EQ(document.root().array().type, type) << storage;
    EXPECT_EQ(MakeContiguous(document.root().array(), 100)->size(),
              2 * ElementBytes(type));
  }
}

// What torch 2.3 added, for uint16 to uint64: the type is beside the storage.
TEST(TorchFile, ReadsTensorsThatNameTheirType) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse(MakeTorch(PyGlobal("torch._utils", "_rebuild_tensor_v3") + "(" +
                          PyStorage("UntypedStorage", "0", 4) + PyInt(0) +
                          PyTuple({2}) + PyTuple({1}) + "\x89N" +
                          PyGlobal("torch", "uint16") + "tR.",
                      {Le(0x00020001, 4)})));
  EXPECT_EQ(document.root().array().type, ElementType::kUint16);
  EXPECT_THAT(Elements<uint16_t>(document.root()), ElementsAre(1, 2));
}

TEST(TorchFile, ReadsTheStateOfAModule) {
  // An OrderedDict with an attribute, and a parameter.
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse(MakeTorch(
          PyGlobal("collections", "OrderedDict") + ")R(" + PyStr("weight") +
              PyGlobal("torch._utils", "_rebuild_parameter") + "(" +
              PyTensor(PyStorage("LongStorage", "0", 2), 0, {2}, {1}) + "\x88" +
              PyGlobal("collections", "OrderedDict") + ")RtRu}" +
              PyStr("_metadata") + "}sb.",
          {Longs(2)})));
  EXPECT_EQ(document.root().size(), 1);
  EXPECT_THAT(Elements<int64_t>(*document.root().Find("weight")),
              ElementsAre(0, 1));
}

TEST(TorchFile, RefusesEveryProperPrefix) {
  const std::string whole =
      MakeTorch(PyTensor(PyStorage("LongStorage", "0", 2), 0, {2}, {1}) + ".",
                {Longs(2)});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(Parse(whole.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("some.pt")))
        << "the first " << size << " bytes";
  }
}

TEST(TorchFile, SaysWhichFileIsMissing) {
  EXPECT_THAT(ReadTorchFile("/no/such.pt"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.pt")));
}

struct BadTorch {
  const char* name;
  std::string file;
  absl::StatusCode code;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadTorch& bad) {
  return out << bad.name;
}

class BadTorchFile : public ::testing::TestWithParam<BadTorch> {};

TEST_P(BadTorchFile, IsRefusedInOneLineThatNamesIt) {
  EXPECT_THAT(Parse(GetParam().file),
              StatusIs(GetParam().code,
                       AllOf(HasSubstr("some.pt: "), HasSubstr(GetParam().says),
                             Not(HasSubstr("\n")))));
}

std::string TwoLongs(const std::string& data) {
  return MakeTorch(
      PyTensor(PyStorage("LongStorage", "0", 2), 0, {2}, {1}) + ".", {data});
}

constexpr absl::StatusCode kLoss = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

INSTANTIATE_TEST_SUITE_P(
    All, BadTorchFile,
    ::testing::Values(
        BadTorch{"of_before_1_6",
                 LegacyStorageBytes("LongStorage", 1, Le(1, 8)), kInvalid,
                 "save it again with torch.save"},
        BadTorch{"npz", MakeZip({.members = {{"x.npy", "?"}}}), kInvalid,
                 "not one of torch.save"},
        BadTorch{"torch_script",
                 MakeZip({.members = {{"t/data.pkl", "N."},
                                      {"t/constants.pkl", "N."}}}),
                 kInvalid, "TorchScript"},
        BadTorch{
            "two_pickles",
            MakeZip({.members = {{"t/data.pkl", "N."}, {"u/data.pkl", "N."}}}),
            kLoss, "two members"},
        BadTorch{"big_endian",
                 MakeZip({.members = {{"t/data.pkl", "N."},
                                      {"t/byteorder", "big"}}}),
                 kInvalid, "little-endian"},
        BadTorch{
            "runs_code",
            MakeTorch(PyGlobal("os", "system") + "(" + PyStr("id") + "tR.", {}),
            kInvalid, "os.system"},
        BadTorch{"whole_module",
                 MakeTorch(PyGlobal("torch.nn.modules.linear", "Linear") +
                               ")\x81}b.",
                           {}),
                 kInvalid, "torch.nn.modules.linear.Linear"},
        BadTorch{"sparse",
                 MakeTorch(PyGlobal("torch._utils", "_rebuild_sparse_tensor") +
                               ")R.",
                           {}),
                 kInvalid, "_rebuild_sparse_tensor"},
        BadTorch{
            "storage_missing",
            MakeTorch(PyTensor(PyStorage("LongStorage", "1", 2), 0, {2}, {1}) +
                          ".",
                      {Longs(2)}),
            kLoss, "\"1\" of a tensor is missing"},
        BadTorch{"storage_outside_of_the_folder",
                 MakeTorch(PyTensor(PyStorage("LongStorage", "../data.pkl", 2),
                                    0, {2}, {1}) +
                               ".",
                           {Longs(2)}),
                 kLoss, "missing"},
        BadTorch{"storage_too_short", TwoLongs(Longs(1)), kLoss, "has 8 bytes"},
        BadTorch{"storage_too_long", TwoLongs(Longs(3)), kLoss, "has 24 bytes"},
        BadTorch{"storage_damaged",
                 Overwritten(TwoLongs(Longs(2)), TwoLongs("").find("t/data/0"),
                             "t/data/0" + Le(9, 8)),
                 kLoss, "CRC-32"},
        BadTorch{
            "storage_compressed",
            MakeZip({.members = {{"t/data.pkl",
                                  PyTensor(PyStorage("LongStorage", "0", 2), 0,
                                           {2}, {1}) +
                                      "."},
                                 {.name = "t/data/0",
                                  .data = Longs(2),
                                  .deflated = true}}}),
            kInvalid, "compressed"},
        BadTorch{
            "tensor_past_its_storage",
            MakeTorch(PyTensor(PyStorage("LongStorage", "0", 2), 1, {2}, {1}) +
                          ".",
                      {Longs(2)}),
            kLoss, "does not fit"},
        BadTorch{"tensor_whose_size_overflows",
                 MakeTorch(PyTensor(PyStorage("LongStorage", "0", 2), 0,
                                    {1 << 30, 1 << 30, 1 << 30}, {0, 0, 0}) +
                               ".",
                           {Longs(2)}),
                 kLoss, "counted"},
        BadTorch{"tensor_whose_place_overflows",
                 MakeTorch(PyTensor(PyStorage("LongStorage", "0", 2), 0,
                                    {1 << 30, 1 << 30}, {1 << 30, 1 << 30}) +
                               ".",
                           {Longs(2)}),
                 kLoss, "does not fit"},
        BadTorch{
            "empty_tensor_elsewhere",
            MakeTorch(PyTensor(PyStorage("LongStorage", "0", 2), 4, {0}, {1}) +
                          ".",
                      {Longs(2)}),
            kLoss, "does not fit"},
        BadTorch{"storage_type_of_dtype",
                 MakeTorch("(" + PyStr("storage") + PyGlobal("torch", "int64") +
                               PyStr("0") + PyStr("cpu") + PyInt(2) + "tQ.",
                           {Longs(2)}),
                 kLoss, "no storage"},
        BadTorch{"persistent_id_is_none", MakeTorch("NQ.", {}), kLoss,
                 "no tuple"}),
    [](const TestParamInfo<BadTorch>& info) {
      return std::string(info.param.name);
    });

TEST(MakeContiguous, TakesNoMoreThanAllowed) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse(MakeTorch(PyTensor(PyStorage("LongStorage", "0", 1), 0,
                               {1 << 30, 1 << 29}, {0, 0}) +
                          ".",
                      {Longs(1)})));
  EXPECT_THAT(MakeContiguous(document.root().array(), uint64_t{1} << 30),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(MakeContiguous, EqualsAWalkByIndexForEveryOrderOfDimensions) {
  const std::string data = Longs(24);
  StridedArray array;
  array.type = ElementType::kInt64;
  array.storage = {reinterpret_cast<const uint8_t*>(data.data()), data.size()};
  const std::vector<std::vector<int64_t>> orders = {
      {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const int64_t shape[] = {2, 3, 4};
  const int64_t strides[] = {12, 4, 1};
  for (const std::vector<int64_t>& order : orders) {
    array.shape.clear();
    array.strides.clear();
    for (const int64_t dimension : order) {
      array.shape.push_back(shape[dimension]);
      array.strides.push_back(strides[dimension]);
    }
    ASSERT_THAT(CheckBounds(array), IsOk());
    std::vector<int64_t> expected;
    for (int64_t i = 0; i < array.shape[0]; ++i) {
      for (int64_t j = 0; j < array.shape[1]; ++j) {
        for (int64_t k = 0; k < array.shape[2]; ++k) {
          expected.push_back(i * array.strides[0] + j * array.strides[1] +
                             k * array.strides[2]);
        }
      }
    }
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::vector<uint8_t> bytes,
                                  MakeContiguous(array, 1000));
    std::vector<int64_t> elements(24);
    ASSERT_EQ(bytes.size(), 24 * sizeof(int64_t));
    memcpy(elements.data(), bytes.data(), bytes.size());
    EXPECT_EQ(elements, expected);
  }
}

}  // namespace
}  // namespace fairlead
