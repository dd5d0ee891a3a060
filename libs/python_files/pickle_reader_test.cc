#include "libs/python_files/pickle_reader.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/python_files/golden_pickles.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::AsShared;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::kArrayProtocol5;
using ::fairlead::testing::kFortranProtocol2;
using ::fairlead::testing::kFortranProtocol4;
using ::fairlead::testing::kMetaProtocol0;
using ::fairlead::testing::kMetaProtocol2;
using ::fairlead::testing::kMetaProtocol5;
using ::fairlead::testing::kTensor;
using ::fairlead::testing::Le;
using ::fairlead::testing::PyGlobal;
using ::fairlead::testing::PyStorage;
using ::fairlead::testing::PyStr;
using ::fairlead::testing::PyTensor;
using ::fairlead::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

absl::StatusOr<PickleDocument> Parse(const std::string& pickle,
                                     const PickleOptions& options = {}) {
  return ParsePickle(AsShared(pickle), "some.pkl", options);
}

std::string FromHex(const char* hex) { return absl::HexStringToBytes(hex); }

// The elements as numbers, in C order.
template <typename T>
std::vector<T> Elements(const StridedArray& array) {
  const absl::StatusOr<std::vector<uint8_t>> bytes =
      MakeContiguous(array, 1 << 20);
  EXPECT_THAT(bytes, IsOk());
  const T* const begin = reinterpret_cast<const T*>(bytes->data());
  return {begin, begin + bytes->size() / sizeof(T)};
}

TEST(PickleReader, ReadsEveryPlainValueOfEachProtocol) {
  for (const char* const hex :
       {kMetaProtocol0, kMetaProtocol2, kMetaProtocol5}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document,
                                  Parse(FromHex(hex)));
    const PickleValue& meta = document.root();
    ASSERT_THAT(meta.Expect(PickleKind::kDict, "META"), IsOk());
    EXPECT_THAT(meta.Find("num_parts")->GetInt("num_parts"), IsOkAndHolds(4));
    EXPECT_THAT(meta.Find("data_cls")->GetString("data_cls"),
                IsOkAndHolds("hetero"));
    EXPECT_EQ(meta.Find("node_types")->item(0).text(), "u");
    const PickleValue& edge_type = meta.Find("edge_types")->item(0);
    ASSERT_EQ(edge_type.kind(), PickleKind::kTuple);
    ASSERT_EQ(edge_type.size(), 3);
    EXPECT_EQ(edge_type.item(1).text(), "to");

    const PickleValue& odd = *meta.Find("odd");
    ASSERT_EQ(odd.size(), 9);
    EXPECT_EQ(odd.item(0).kind(), PickleKind::kNone);
    EXPECT_EQ(odd.item(1).kind(), PickleKind::kBool);
    EXPECT_TRUE(odd.item(1).bool_value());
    EXPECT_EQ(odd.item(2).int_value(), -5);
    EXPECT_EQ(odd.item(3).int_value(), int64_t{1} << 40);
    EXPECT_EQ(odd.item(4).kind(), PickleKind::kFloat);
    EXPECT_EQ(odd.item(4).float_value(), 1.5);
    EXPECT_EQ(odd.item(5).text(), "\xc3\xa9\n\xe4\xb8\xad\xf0\x9f\x98\x80");
    EXPECT_EQ(odd.item(6).kind(), PickleKind::kBytes);
    EXPECT_EQ(odd.item(6).text(), absl::string_view("\0\xff", 2));
    EXPECT_EQ(odd.item(7).kind(), PickleKind::kSet);
    EXPECT_EQ(odd.item(7).item(0).int_value(), 7);
    EXPECT_EQ(odd.item(8).Find("a")->int_value(), 1);
  }
}

TEST(PickleReader, ReadsArraysOfBothNumpysInBothOrders) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document,
                                Parse(FromHex(kArrayProtocol5)));
  EXPECT_EQ(document.root().array().type, ElementType::kInt32);
  EXPECT_THAT(document.root().array().shape, ElementsAre(3));
  EXPECT_THAT(Elements<int32_t>(document.root().array()), ElementsAre(0, 1, 2));
  for (const char* const hex : {kFortranProtocol2, kFortranProtocol4}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument fortran,
                                  Parse(FromHex(hex)));
    EXPECT_EQ(fortran.root().array().type, ElementType::kUint16);
    EXPECT_THAT(fortran.root().array().strides, ElementsAre(1, 2));
    EXPECT_THAT(Elements<uint16_t>(fortran.root().array()),
                ElementsAre(1, 2, 3, 4));
  }
}

// How partitions have their features: tensors, appended (parity 2.6).
TEST(PickleReader, ReadsTensorsThatWerePickledOneAfterAnother) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const std::vector<PickleDocument> chunks,
      ParsePickles(AsShared(FromHex(kTensor) + FromHex(kTensor)), "feats.pkl"));
  ASSERT_THAT(chunks, SizeIs(2));
  for (const PickleDocument& chunk : chunks) {
    const StridedArray& tensor = chunk.root().array();
    EXPECT_EQ(tensor.type, ElementType::kInt64);
    EXPECT_THAT(tensor.shape, ElementsAre(2, 2));
    EXPECT_FALSE(IsContiguous(tensor));
    EXPECT_THAT(Elements<int64_t>(tensor), ElementsAre(1, 3, 2, 4));
  }
}

TEST(PickleReader, SaysWhichOfSeveralPicklesIsBad) {
  EXPECT_THAT(
      ParsePickles(AsShared("I1\n.I2\n.I3\n"), "feats.pkl"),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("feats.pkl, pickle 2")));
  EXPECT_THAT(ParsePickles(AsShared(""), "feats.pkl"), IsOkAndHolds(SizeIs(0)));
}

TEST(PickleReader, LimitsTheValuesOfAllPicklesTogether) {
  PickleOptions options;
  options.max_values = 2;
  EXPECT_THAT(ParsePickles(AsShared("I1\n.I2\n."), "feats.pkl", options),
              IsOk());
  EXPECT_THAT(ParsePickles(AsShared("I1\n.I2\n.I3\n."), "feats.pkl", options),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(PickleReader, ReadsIntegersUpToTheirLimits) {
  const std::pair<std::string, int64_t> cases[] = {
      {"I9223372036854775807\n.", INT64_MAX},
      {"L-9223372036854775808L\n.", INT64_MIN},
      {"\x8a" + Le(8, 1) + Le(1ULL << 63, 8) + ".", INT64_MIN},
      {"\x8b" + Le(2, 4) + Le(0xff00, 2) + ".", -256},
      {"\x8a" + Le(0, 1) + ".", 0},
      {"K\xff.", 255},
      {"M\xff\xff.", 65535},
      {"J\xff\xff\xff\xff.", -1}};
  for (const auto& [pickle, value] : cases) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document, Parse(pickle));
    EXPECT_EQ(document.root().kind(), PickleKind::kInt);
    EXPECT_EQ(document.root().int_value(), value);
  }
}

TEST(PickleReader, ReadsNumpyNumbersByTheirWidth) {
  const auto scalar = [](const std::string& dtype, const std::string& bytes) {
    return PyGlobal("numpy._core.multiarray", "scalar") + "(" +
           PyGlobal("numpy", "dtype") + "(" + PyStr(dtype) +
           "\x89\x88tR(K\x03" + PyStr("<") + "NNNJ" + Le(~0U, 4) + "J" +
           Le(~0U, 4) + "K" + Le(0, 1) + "tbC" + Le(bytes.size(), 1) + bytes +
           "tR.";
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument i1,
                                Parse(scalar("i1", "\xfe")));
  EXPECT_EQ(i1.root().int_value(), -2);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument u1,
                                Parse(scalar("u1", "\xfe")));
  EXPECT_EQ(u1.root().int_value(), 254);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument i8,
                                Parse(scalar("i8", Le(~0ULL, 8))));
  EXPECT_EQ(i8.root().int_value(), -1);
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument f4,
                                Parse(scalar("f4", Le(0x3fc00000, 4))));
  EXPECT_EQ(f4.root().float_value(), 1.5);
  EXPECT_THAT(Parse(scalar("u8", Le(~0ULL, 8))),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("beyond 64 signed bits")));
  EXPECT_THAT(Parse(scalar("i8", "\xfe")),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(PickleReader, TheLastValueOfAKeyCounts) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse("}" + PyStr("a") + "K\x01s" + PyStr("a") + "K\x02s."));
  EXPECT_EQ(document.root().Find("a")->int_value(), 2);
  EXPECT_EQ(document.root().Find("b"), nullptr);
}

TEST(PickleReader, ReadsNoFurtherThanThePickle) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document,
                                Parse("K\x01.os.system"));
  EXPECT_EQ(document.bytes(), 3);
}

TEST(PickleReader, SharedValuesStayShared) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document,
                                Parse("](K\x01q\x05h\x05"
                                      "e."));
  EXPECT_EQ(&document.root().item(0), &document.root().item(1));
}

TEST(PickleReader, AsksForTheStoragesOfATorchFile) {
  const float values[] = {1, 2, 3, 4};
  PickleOptions options;
  options.load_storage = [&](const TorchStorageRef& ref)
      -> absl::StatusOr<absl::Span<const uint8_t>> {
    EXPECT_EQ(ref.key, "7");
    EXPECT_EQ(ref.type, ElementType::kFloat32);
    EXPECT_EQ(ref.elements, 4);
    return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values), 16);
  };
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      const PickleDocument document,
      Parse(PyTensor(PyStorage("FloatStorage", "7", 4), 1, {3}, {1}) + ".",
            options));
  EXPECT_THAT(Elements<float>(document.root().array()), ElementsAre(2, 3, 4));
}

TEST(PickleReader, ExpectSaysWhatIsThereAndWhatMustBe) {
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PickleDocument document, Parse("]."));
  EXPECT_THAT(document.root().GetInt("META: num_parts"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("META: num_parts is of Python type list; it "
                                 "must be int")));
}

// Wherever a pickle ends too early, it is said, and nothing past it is read.
TEST(PickleReader, RefusesEveryProperPrefix) {
  for (const char* const hex : {kMetaProtocol0, kMetaProtocol2, kMetaProtocol5,
                                kArrayProtocol5, kFortranProtocol2, kTensor}) {
    const std::string whole = FromHex(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(Parse(whole.substr(0, size)),
                  StatusIs(absl::StatusCode::kDataLoss, HasSubstr("some.pkl")))
          << "the first " << size << " bytes";
    }
  }
}

}  // namespace
}  // namespace fairlead
