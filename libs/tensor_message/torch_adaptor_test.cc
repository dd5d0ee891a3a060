#include "libs/tensor_message/torch_adaptor.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "ATen/core/Tensor.h"
#include "gtest/gtest.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

TEST(TorchAdaptorTest, TensorAliasesTheBytesAndKeepsThemAlive) {
  auto values = std::make_shared<std::vector<float>>(6, 1.5F);
  const std::weak_ptr<std::vector<float>> watch = values;
  const TensorView view{"x",
                        v1::DTYPE_FLOAT32,
                        {2, 3},
                        {reinterpret_cast<const uint8_t*>(values->data()), 24}};

  at::Tensor tensor = ToTorch(view, values);
  EXPECT_EQ(tensor.data_ptr(), values->data());
  EXPECT_EQ(tensor.scalar_type(), at::kFloat);
  EXPECT_EQ(tensor.sizes().vec(), (std::vector<int64_t>{2, 3}));
  values.reset();
  EXPECT_FALSE(watch.expired());
  at::Tensor row = tensor.select(0, 1);
  tensor.reset();
  EXPECT_FALSE(watch.expired());
  row.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(TorchAdaptorTest, EveryDTypeHasItsElementSize) {
  for (int dtype = v1::DTYPE_BOOL; dtype <= v1::DTYPE_FLOAT64; ++dtype) {
    const auto owner = std::make_shared<std::vector<uint8_t>>(64);
    const TensorView view{"x", static_cast<v1::DType>(dtype), {2}, *owner};
    EXPECT_EQ(ToTorch(view, owner).element_size(),
              DTypeSize(static_cast<v1::DType>(dtype)))
        << dtype;
  }
}

TEST(TorchAdaptorTest, EveryDTypeComesBackFromItsScalarType) {
  for (int i = v1::DTYPE_BOOL; i <= v1::DType_MAX; ++i) {
    const auto dtype = static_cast<v1::DType>(i);
    EXPECT_EQ(ToDType(ToScalarType(dtype)), dtype) << i;
  }
  EXPECT_EQ(ToDType(at::kComplexFloat), v1::DTYPE_UNSPECIFIED);
  EXPECT_EQ(ToDType(at::ScalarType::Undefined), v1::DTYPE_UNSPECIFIED);
  EXPECT_EQ(ToScalarType(v1::DTYPE_UNSPECIFIED), at::ScalarType::Undefined);
}

TEST(TorchAdaptorTest, ScalarsAndEmptyTensorsKeepTheirShapes) {
  const auto owner = std::make_shared<std::vector<uint8_t>>(8);
  const at::Tensor scalar = ToTorch({"x", v1::DTYPE_INT64, {}, *owner}, owner);
  EXPECT_EQ(scalar.dim(), 0);
  EXPECT_EQ(scalar.item<int64_t>(), 0);
  const at::Tensor empty =
      ToTorch({"x", v1::DTYPE_FLOAT32, {0, 128}, {}}, owner);
  EXPECT_EQ(empty.sizes().vec(), (std::vector<int64_t>{0, 128}));
  EXPECT_EQ(empty.numel(), 0);
}

}  // namespace
}  // namespace fairlead
