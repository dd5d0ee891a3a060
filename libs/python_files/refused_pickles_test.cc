// Pickles that are refused: those that would run code, damaged ones, and those
// that would take more than they are given.

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/test_files.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::AsShared;
using ::fairlead::testing::Le;
using ::fairlead::testing::LegacyStorageBytes;
using ::fairlead::testing::PyGlobal;
using ::fairlead::testing::PyStorage;
using ::fairlead::testing::PyStr;
using ::fairlead::testing::PyTensor;
using ::fairlead::testing::PyTuple;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::TestParamInfo;

absl::StatusOr<PickleDocument> Parse(const std::string& pickle,
                                     const PickleOptions& options = {}) {
  return ParsePickle(AsShared(pickle), "some.pkl", options);
}

// Pickles that would run code, by each way that a pickle can name it.
struct Attack {
  const char* name;
  std::string pickle;
  const char* names;
};

std::ostream& operator<<(std::ostream& out, const Attack& attack) {
  return out << attack.name;
}

class Attacks : public ::testing::TestWithParam<Attack> {};

TEST_P(Attacks, AreRefusedByName) {
  EXPECT_THAT(
      Parse(GetParam().pickle),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("some.pkl: byte "), HasSubstr(GetParam().names),
                     HasSubstr("nothing was run"), Not(HasSubstr("\n")))));
}

std::string StackGlobal(const std::string& module, const std::string& name) {
  return PyStr(module) + PyStr(name) + "\x93";
}

INSTANTIATE_TEST_SUITE_P(
    All, Attacks,
    ::testing::Values(
        Attack{"os_system",
               PyGlobal("os", "system") + "(" + PyStr("id") + "tR.",
               "os.system"},
        Attack{"posix_system",
               "\x80\x04" + StackGlobal("posix", "system") + PyStr("id") +
                   "\x85R.",
               "posix.system"},
        Attack{"builtins_eval",
               PyGlobal("builtins", "eval") + "(" + PyStr("1") + "tR.",
               "builtins.eval"},
        Attack{"builtin_getattr", PyGlobal("__builtin__", "getattr") + ".",
               "__builtin__.getattr"},
        Attack{"subprocess_by_inst",
               "(" + PyStr("id") + "isubprocess\nPopen\n.", "subprocess.Popen"},
        Attack{"never_called", PyGlobal("os", "system") + "0N.", "os.system"},
        Attack{"dotted_name", StackGlobal("numpy", "dtype.__reduce__") + ".",
               "numpy.dtype.__reduce__"},
        Attack{"allowed_module", PyGlobal("torch.storage", "open") + ".",
               "torch.storage.open"},
        Attack{"allowed_name", PyGlobal("evil", "OrderedDict") + ".",
               "evil.OrderedDict"},
        Attack{"prefix_of_a_name", PyGlobal("collections", "Ordered") + ".",
               "collections.Ordered"},
        Attack{"name_with_nul",
               StackGlobal("os", std::string("system\0", 7)) + ".",
               "os.system\\x00"},
        Attack{"torch_load", PyGlobal("torch", "load") + "(tR.", "torch.load"},
        Attack{"new_object", PyGlobal("collections", "OrderedDict") + ")\x81.",
               "NEWOBJ"},
        Attack{"new_object_with_keywords",
               PyGlobal("collections", "OrderedDict") + ")}\x92.", "NEWOBJ"},
        Attack{"old_object",
               "(" + PyGlobal("collections", "OrderedDict") + "o.", "OBJ"},
        Attack{"attributes_of_a_dict", "}}" + PyStr("x") + "Nsb.",
               "attributes of a dict"},
        Attack{"attributes_of_a_function",
               PyGlobal("_codecs", "encode") + "}b.",
               "attributes of a class or function"},
        Attack{"append_to_a_tuple", ")Na.", "to a tuple"},
        Attack{"items_of_a_list", "]NNs.", "to a list"},
        Attack{"add_to_a_dict", "}(N\x90.", "to a dict"},
        Attack{"calls_what_is_no_function",
               PyGlobal("torch", "FloatStorage") + ")R.", "torch.FloatStorage"},
        Attack{"inside_a_tensor",
               PyGlobal("torch.storage", "_load_from_bytes") + "(B" +
                   [] {
                     std::string bytes = LegacyStorageBytes("Evil", 0, "");
                     return Le(bytes.size(), 4) + bytes;
                   }() +
                   "tR.",
               "torch.Evil"}),
    [](const TestParamInfo<Attack>& info) {
      return std::string(info.param.name);
    });

struct BadPickle {
  const char* name;
  std::string pickle;
  absl::StatusCode code;
  const char* says;
};

std::ostream& operator<<(std::ostream& out, const BadPickle& bad) {
  return out << bad.name;
}

class BadPickles : public ::testing::TestWithParam<BadPickle> {};

TEST_P(BadPickles, AreRefusedInOneLine) {
  PickleOptions options;
  options.max_values = 10'000;
  EXPECT_THAT(Parse(GetParam().pickle, options),
              StatusIs(GetParam().code, AllOf(HasSubstr("some.pkl: byte "),
                                              HasSubstr(GetParam().says),
                                              Not(HasSubstr("\n")))));
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string NumpyArray(const std::string& dtype, const std::string& order,
                       const std::string& shape, const std::string& data) {
  return PyGlobal("numpy.core.multiarray", "_reconstruct") + "(" +
         PyGlobal("numpy", "ndarray") + "K" + Le(0, 1) +
         "\x85"
         "C\x01"
         "btR(K\x01" +
         shape + PyGlobal("numpy", "dtype") + "(" + PyStr(dtype) +
         "\x89\x88tR(K\x03" + PyStr(order) +
         "NNNtb\x89"
         "B" +
         Le(data.size(), 4) + data + "tb.";
}

std::string FromBytes(const std::string& bytes) {
  return PyGlobal("torch.storage", "_load_from_bytes") + "(B" +
         Le(bytes.size(), 4) + bytes + "tR";
}

constexpr absl::StatusCode kLoss = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;

INSTANTIATE_TEST_SUITE_P(
    Machine, BadPickles,
    ::testing::Values(
        BadPickle{"text", "node,part\n1,2\n", kLoss, "opcode 110 is unknown"},
        BadPickle{"protocol_6", "\x80\x06N.", kInvalid, "protocol 6"},
        BadPickle{"nothing_to_stop_with", ".", kLoss, "0 values"},
        BadPickle{"two_values", "NN.", kLoss, "2 values"},
        BadPickle{"mark_left", "N(.", kLoss, "must be one"},
        BadPickle{"frame_too_long", "\x80\x04\x95" + Le(~0ULL, 8) + "N.", kLoss,
                  "frame"},
        BadPickle{"string_too_long", "\x8d" + Le(~0ULL, 8) + "x.", kLoss,
                  "cut short"},
        BadPickle{"bytes_too_long", "B" + Le(~0U, 4) + "x.", kLoss,
                  "cut short"},
        BadPickle{"no_utf8", PyStr("\xff\xfe") + ".", kLoss, "UTF-8"},
        BadPickle{"surrogate", PyStr("\xed\xa0\x80") + ".", kLoss, "UTF-8"},
        BadPickle{"escaped_surrogate", "V\\ud800\n.", kLoss, "no character"},
        BadPickle{"escape_cut_short", "V\\u12\n.", kLoss, "no character"},
        BadPickle{"pop_of_nothing", "0N.", kLoss, "not there"},
        BadPickle{"pop_below_a_mark", "N(\x85.", kLoss, "not there"},
        BadPickle{"no_mark", "Nt.", kLoss, "no mark"},
        BadPickle{"append_to_nothing", "Na.", kLoss, "not there"},
        BadPickle{"odd_dict", "(Nd.", kLoss, "without a value"},
        BadPickle{"odd_items", "}(Nu.", kLoss, "without a value"},
        BadPickle{"memo_never_put", "h\x07.", kLoss, "memo 7"},
        BadPickle{"memo_negative", "g-1\n.", kLoss, "memo"},
        BadPickle{"memo_of_nothing", "q\x01N.", kLoss, "not there"},
        BadPickle{"memo_flood", "N" + Repeated("\x94", 10'001) + ".",
                  kExhausted, "max_values"},
        BadPickle{"int_of_9_bytes", "\x8a\x09" + Le(1, 8) + Le(1, 1) + ".",
                  kInvalid, "64"},
        BadPickle{"long_int", "L123456789012345678901234567890L\n.", kInvalid,
                  "1234567890"},
        BadPickle{"int_text", "Iseven\n.", kLoss, "seven"},
        BadPickle{"float_text", "Fmany\n.", kLoss, "many"},
        BadPickle{"python_2_string", "U\x01x.", kInvalid, "Python 2"},
        BadPickle{"extension", "\x82\x01.", kInvalid, "extension registry"},
        BadPickle{"buffer_elsewhere", "\x97.", kInvalid, "buffer_callback"},
        BadPickle{"storage_elsewhere", PyStorage("FloatStorage", "0", 1) + ".",
                  kInvalid, "torch.save"},
        BadPickle{"text_persistent_id", "P0\n.", kInvalid, "persistent"},
        BadPickle{"call_of_an_int", "K\x01)R.", kLoss, "calls a int"},
        BadPickle{"call_without_tuple",
                  PyGlobal("collections", "OrderedDict") + "NR.", kLoss,
                  "with a None"}),
    [](const TestParamInfo<BadPickle>& info) {
      return std::string(info.param.name);
    });

INSTANTIATE_TEST_SUITE_P(
    Limits, BadPickles,
    ::testing::Values(
        BadPickle{"holds_itself",
                  "]q\x01h\x01"
                  "a.",
                  kInvalid, "holds itself"},
        BadPickle{"ring_of_two",
                  "]q\x01]h\x01"
                  "aa.",
                  kInvalid, "holds itself"},
        BadPickle{"deep_lists", Repeated("]", 201) + Repeated("a", 200) + ".",
                  kExhausted, "200 levels"},
        BadPickle{"deep_tuples", "N" + Repeated("\x85", 5'000) + ".",
                  kExhausted, "200 levels"},
        BadPickle{"deep_marks", Repeated("(", 10'001), kExhausted, "too deep"},
        BadPickle{"deep_by_memo",
                  // A tuple of depth 150 inside another of 150.
                  "(N" + Repeated("\x85", 150) + "q\x01h\x01" +
                      Repeated("\x85", 150) + "t.",
                  kExhausted, "200 levels"},
        BadPickle{"billion_laughs", "]" + Repeated("2\x86", 60) + ".",
                  kExhausted, "as often as it is used"},
        BadPickle{"many_values", "(" + Repeated("]", 10'001), kExhausted,
                  "max_values"},
        BadPickle{"many_on_the_stack", "N" + Repeated("2", 10'001), kExhausted,
                  "stack"},
        BadPickle{"many_links",
                  "]" + Repeated("(" + Repeated("N", 100) + "e", 101) + ".",
                  kExhausted, "max_values"},
        BadPickle{"text_again_and_again",
                  PyStr(std::string(5000, 'x')) + "q\x01" + "0]" +
                      Repeated(PyGlobal("_codecs", "encode") + "(h\x01" +
                                   PyStr("latin1") + "tRa",
                               300) +
                      ".",
                  kExhausted, "again and again"},
        BadPickle{"storage_again_and_again",
                  [] {
                    // Kilobytes of pickles before the elements, read each time.
                    std::string bytes =
                        LegacyStorageBytes("ByteStorage", 0, "");
                    const std::string key = PyStr("little_endian");
                    bytes.insert(bytes.find(key),
                                 PyStr(std::string(5000, 'x')) + "N");
                    return "B" + Le(bytes.size(), 4) + bytes + "q\x01" + "0]" +
                           Repeated(
                               PyGlobal("torch.storage", "_load_from_bytes") +
                                   "(h\x01tRa",
                               50) +
                           ".";
                  }(),
                  kExhausted, "again and again"}),
    [](const TestParamInfo<BadPickle>& info) {
      return std::string(info.param.name);
    });

INSTANTIATE_TEST_SUITE_P(
    Arrays, BadPickles,
    ::testing::Values(
        BadPickle{"object_array", NumpyArray("O8", "|", PyTuple({1}), "x"),
                  kInvalid, "dtype O8"},
        BadPickle{"text_array", NumpyArray("U6", "<", PyTuple({1}), "x"),
                  kInvalid, "dtype U6"},
        BadPickle{"big_endian_array",
                  NumpyArray("i4", ">", PyTuple({1}), Le(1, 4)), kInvalid,
                  "newbyteorder"},
        BadPickle{"negative_shape",
                  NumpyArray("i4", "<", PyTuple({-1}), Le(1, 4)), kLoss,
                  "negative"},
        BadPickle{"huge_shape",
                  NumpyArray("i4", "<", PyTuple({1 << 30, 1 << 30, 1 << 30}),
                             Le(1, 4)),
                  kLoss, "counted"},
        BadPickle{"too_few_bytes",
                  NumpyArray("i4", "<", PyTuple({2}), Le(1, 4)), kLoss,
                  "has 4 bytes"},
        BadPickle{"too_many_bytes",
                  NumpyArray("i4", "<", PyTuple({1}), Le(1, 8)), kLoss,
                  "has 8 bytes"},
        BadPickle{
            "too_many_dimensions",
            NumpyArray("i1", "<", PyTuple(std::vector<int32_t>(65, 1)), "x"),
            kLoss, "65 dimensions"},
        BadPickle{"shape_of_strings",
                  NumpyArray("i1", "<", "(" + PyStr("1") + "t", "x"), kLoss,
                  "not int"},
        BadPickle{"array_without_data",
                  PyGlobal("numpy.core.multiarray", "_reconstruct") + "(" +
                      PyGlobal("numpy", "ndarray") + "tR.",
                  kInvalid, "array without data"},
        BadPickle{"array_of_another_class",
                  PyGlobal("numpy.core.multiarray", "_reconstruct") + "(" +
                      PyGlobal("torch", "Size") + "tR.",
                  kLoss, "torch.Size"},
        BadPickle{"storage_by_itself",
                  FromBytes(LegacyStorageBytes("ByteStorage", 1, "x")) + ".",
                  kInvalid, "by itself"},
        BadPickle{
            "tensor_past_its_storage",
            PyTensor(FromBytes(LegacyStorageBytes("ByteStorage", 4, "abcd")), 1,
                     {4}, {1}) +
                ".",
            kLoss, "does not fit"},
        BadPickle{
            "tensor_before_its_storage",
            PyTensor(FromBytes(LegacyStorageBytes("ByteStorage", 4, "abcd")),
                     -1, {1}, {1}) +
                ".",
            kLoss, "does not fit"},
        BadPickle{
            "tensor_with_negative_stride",
            PyTensor(FromBytes(LegacyStorageBytes("ByteStorage", 4, "abcd")), 3,
                     {2}, {-1}) +
                ".",
            kLoss, "does not fit"},
        BadPickle{
            "tensor_with_fewer_strides",
            PyTensor(FromBytes(LegacyStorageBytes("ByteStorage", 4, "abcd")), 0,
                     {2, 2}, {1}) +
                ".",
            kLoss, "1 strides"},
        BadPickle{
            "storage_cut_short",
            FromBytes(LegacyStorageBytes("LongStorage", 2, Le(1, 8))) + ".",
            kLoss, "too"},
        BadPickle{"storage_of_negative_size",
                  FromBytes(LegacyStorageBytes("LongStorage", -1, "")) + ".",
                  kLoss, "no storage"},
        BadPickle{"storage_that_is_none", FromBytes("\x80\x02N.") + ".", kLoss,
                  "_load_from_bytes"},
        BadPickle{
            "storage_of_complex_numbers",
            FromBytes(LegacyStorageBytes("ComplexFloatStorage", 0, "")) + ".",
            kInvalid, "torch.ComplexFloatStorage"},
        BadPickle{"encoded_as_utf8",
                  PyGlobal("_codecs", "encode") + "(" + PyStr("x") +
                      PyStr("utf8") + "tR.",
                  kInvalid, "utf8"},
        BadPickle{"no_latin1",
                  PyGlobal("_codecs", "encode") + "(" + PyStr("\xe4\xb8\xad") +
                      PyStr("latin1") + "tR.",
                  kLoss, "no latin1"}),
    [](const TestParamInfo<BadPickle>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace fairlead
