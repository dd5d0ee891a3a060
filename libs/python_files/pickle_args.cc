#include "libs/python_files/pickle_args.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

absl::Status CheckArgs(absl::string_view function, const PickleValue& args,
                       std::initializer_list<PickleKind> kinds) {
  size_t i = 0;
  for (const PickleKind kind : kinds) {
    if (i >= args.size()) {
      return absl::DataLossError(
          absl::StrCat(function, " gets ", args.size(), " arguments and needs ",
                       kinds.size(), "; write the file again"));
    }
    if (args.item(i).kind() != kind) {
      return absl::DataLossError(
          absl::StrCat(function, " gets ", PickleKindName(args.item(i).kind()),
                       " as argument ", i + 1, ", which must be ",
                       PickleKindName(kind), "; write the file again"));
    }
    ++i;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> Dimensions(const PickleValue& tuple) {
  if (tuple.size() > kMaxDimensions) {
    return absl::DataLossError(absl::StrCat("an array has ", tuple.size(),
                                            " dimensions; ", kMaxDimensions,
                                            " are possible"));
  }
  std::vector<int64_t> dimensions;
  dimensions.reserve(tuple.size());
  for (size_t i = 0; i < tuple.size(); ++i) {
    if (tuple.item(i).kind() != PickleKind::kInt) {
      return absl::DataLossError(
          absl::StrCat("dimension ", i, " of an array is of Python type ",
                       PickleKindName(tuple.item(i).kind()), ", not int"));
    }
    dimensions.push_back(tuple.item(i).int_value());
  }
  return dimensions;
}

std::string Shown(absl::string_view name) {
  constexpr size_t kShown = 100;
  return absl::StrCat(absl::CHexEscape(name.substr(0, kShown)),
                      name.size() > kShown ? "..." : "");
}

}  // namespace fairlead
