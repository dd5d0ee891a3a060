#ifndef FAIRLEAD_TOOLS_DATASET_CHECK_FINDINGS_H_
#define FAIRLEAD_TOOLS_DATASET_CHECK_FINDINGS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {

enum class Severity : uint8_t {
  kError,    // the dataset cannot be served, or batches would be wrong
  kWarning,  // it can, but this is seldom meant
  kInfo,     // what it is like
};

// "error", "warning", "info".
absl::string_view SeverityName(Severity severity);

struct Finding {
  Severity severity = Severity::kError;
  std::string kind;            // "labels.out_of_range": the same for the same
  std::string file;            // relative to the dataset's folder
  std::optional<int64_t> row;  // of the file, from 0
  std::string text;
};

// What was found, in the order in which it was; all are counted, and the first
// few of each kind are kept. Thread-compatible.
class Findings {
 public:
  explicit Findings(size_t most_per_kind = 100)
      : most_per_kind_(most_per_kind) {}

  void Error(absl::string_view kind, std::string file,
             std::optional<int64_t> row, std::string text) {
    Add({Severity::kError, std::string(kind), std::move(file), row,
         std::move(text)});
  }
  void Warning(absl::string_view kind, std::string file,
               std::optional<int64_t> row, std::string text) {
    Add({Severity::kWarning, std::string(kind), std::move(file), row,
         std::move(text)});
  }
  void Info(absl::string_view kind, std::string file, std::string text) {
    Add({Severity::kInfo, std::string(kind), std::move(file), std::nullopt,
         std::move(text)});
  }

  absl::Span<const Finding> kept() const { return kept_; }
  // How many there were of each kind.
  const std::map<std::string, int64_t>& counts() const { return counts_; }
  int64_t errors() const { return errors_; }
  int64_t warnings() const { return warnings_; }

  // A line each, errors first; then how many were left out, and a summary.
  std::string Text() const;
  // {"errors": N, "warnings": N, "counts": {KIND: N}, "findings": [{"severity",
  // "kind", "file", "row" (perhaps), "text"}]}
  std::string Json() const;

 private:
  void Add(Finding finding);

  size_t most_per_kind_;
  std::vector<Finding> kept_;
  std::map<std::string, int64_t> counts_;
  int64_t errors_ = 0;
  int64_t warnings_ = 0;
};

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_DATASET_CHECK_FINDINGS_H_
