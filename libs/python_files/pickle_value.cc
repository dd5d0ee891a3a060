#include "libs/python_files/pickle_value.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/strided_array.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::string_view PickleKindName(PickleKind kind) {
  switch (kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return "bool";
    case PickleKind::kInt:
      return "int";
    case PickleKind::kFloat:
      return "float";
    case PickleKind::kString:
      return "str";
    case PickleKind::kBytes:
      return "bytes";
    case PickleKind::kList:
      return "list";
    case PickleKind::kTuple:
      return "tuple";
    case PickleKind::kSet:
      return "set";
    case PickleKind::kDict:
      return "dict";
    case PickleKind::kArray:
      return "array";
    case PickleKind::kGlobal:
      return "class or function";
    case PickleKind::kStorage:
      return "storage";
    case PickleKind::kDtype:
      return "dtype";
    case PickleKind::kEmptyArray:
      return "array without data";
  }
  return "unknown";
}

const PickleValue* PickleValue::Find(absl::string_view wanted) const {
  if (kind_ != PickleKind::kDict) return nullptr;
  for (size_t i = size(); i-- > 0;) {
    if (key(i).kind() == PickleKind::kString && key(i).text() == wanted) {
      return &value(i);
    }
  }
  return nullptr;
}

absl::Status PickleValue::Expect(PickleKind kind,
                                 absl::string_view what) const {
  if (kind_ == kind) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is of Python type ", PickleKindName(kind_),
                   "; it must be ", PickleKindName(kind)));
}

absl::StatusOr<int64_t> PickleValue::GetInt(absl::string_view what) const {
  FAIRLEAD_RETURN_IF_ERROR(Expect(PickleKind::kInt, what));
  return int_value();
}

absl::StatusOr<absl::string_view> PickleValue::GetString(
    absl::string_view what) const {
  FAIRLEAD_RETURN_IF_ERROR(Expect(PickleKind::kString, what));
  return text();
}

absl::StatusOr<const StridedArray*> PickleValue::GetArray(
    absl::string_view what) const {
  FAIRLEAD_RETURN_IF_ERROR(Expect(PickleKind::kArray, what));
  return &array();
}

}  // namespace fairlead
