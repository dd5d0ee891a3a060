#include "tools/dataset/import/type_files.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<std::map<std::string, std::string>> ParseTypeFiles(
    const std::string& flag, const std::vector<std::string>& values) {
  std::map<std::string, std::string> files;
  for (const std::string& value : values) {
    const size_t colon = value.find(':');
    const std::string type = colon == std::string::npos
                                 ? std::string(kOnlyNodeType)
                                 : value.substr(0, colon);
    const std::string file =
        colon == std::string::npos ? value : value.substr(colon + 1);
    if (type.empty() || file.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", flag, "=", value, ": must be VALUE or TYPE:VALUE"));
    }
    if (!files.emplace(type, file).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", flag, "=", value, ": type ", type, " is there twice"));
    }
  }
  return files;
}

absl::StatusOr<std::map<std::string, int64_t>> ParseTypeCounts(
    const std::string& flag, const std::vector<std::string>& values) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto texts, ParseTypeFiles(flag, values));
  std::map<std::string, int64_t> counts;
  for (const auto& [type, text] : texts) {
    int64_t& count = counts[type];
    if (absl::SimpleAtoi(text, &count) && count >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--", flag, "=", type, ":", text, ": must be a number, 0 or more"));
  }
  return counts;
}

}  // namespace fairlead
