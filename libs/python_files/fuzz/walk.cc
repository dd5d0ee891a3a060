#include "libs/python_files/fuzz/walk.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/fuzz/fuzz.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"

namespace fairlead::testing {
namespace {

constexpr size_t kMostContiguous = 1 << 16;

void TouchText(absl::string_view text) {
  FuzzTouch({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void CheckArray(const StridedArray& array) {
  FuzzRequire(CheckBounds(array).ok(), "an array is past its storage");
  FuzzTouch(array.storage);
  const absl::StatusOr<std::vector<uint8_t>> bytes =
      MakeContiguous(array, kMostContiguous);
  if (bytes.ok()) {
    FuzzTouch(*bytes);
  } else {
    FuzzRequire(absl::IsResourceExhausted(bytes.status()),
                "an array is not what was promised");
  }
}

}  // namespace

void FuzzWalk(const PickleValue& value) {
  switch (value.kind()) {
    case PickleKind::kNone:
    case PickleKind::kBool:
    case PickleKind::kInt:
    case PickleKind::kFloat:
      return;
    case PickleKind::kString:
    case PickleKind::kBytes:
    case PickleKind::kGlobal:
      TouchText(value.text());
      return;
    case PickleKind::kList:
    case PickleKind::kTuple:
    case PickleKind::kSet:
      for (size_t i = 0; i < value.size(); ++i) FuzzWalk(value.item(i));
      return;
    case PickleKind::kDict:
      for (size_t i = 0; i < value.size(); ++i) {
        FuzzWalk(value.key(i));
        FuzzWalk(value.value(i));
      }
      return;
    case PickleKind::kArray:
      CheckArray(value.array());
      return;
    case PickleKind::kStorage:
    case PickleKind::kDtype:
    case PickleKind::kEmptyArray:
      FuzzRequire(false, "a half made value was returned");
  }
}

}  // namespace fairlead::testing
