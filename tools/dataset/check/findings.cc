#include "tools/dataset/check/findings.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace fairlead {

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kInfo:
      return "info";
  }
  return "";
}

void Findings::Add(Finding finding) {
  if (finding.severity == Severity::kError) ++errors_;
  if (finding.severity == Severity::kWarning) ++warnings_;
  const int64_t count = ++counts_[finding.kind];
  if (static_cast<size_t>(count) <= most_per_kind_) {
    kept_.push_back(std::move(finding));
  }
}

std::string Findings::Text() const {
  std::string text;
  for (const Severity severity :
       {Severity::kError, Severity::kWarning, Severity::kInfo}) {
    for (const Finding& finding : kept_) {
      if (finding.severity != severity) continue;
      absl::StrAppend(&text, SeverityName(severity), ": ", finding.file);
      if (finding.row.has_value()) {
        absl::StrAppend(&text, " [", *finding.row, "]");
      }
      absl::StrAppend(&text, ": ", finding.text, " (", finding.kind, ")\n");
    }
  }
  for (const auto& [kind, count] : counts_) {
    if (static_cast<size_t>(count) <= most_per_kind_) continue;
    absl::StrAppend(&text, "... and ",
                    count - static_cast<int64_t>(most_per_kind_), " more of ",
                    kind, "\n");
  }
  absl::StrAppend(&text, errors_, " errors, ", warnings_, " warnings\n");
  return text;
}

std::string Findings::Json() const {
  nlohmann::json findings = nlohmann::json::array();
  for (const Finding& finding : kept_) {
    nlohmann::json object = {
        {"severity", std::string(SeverityName(finding.severity))},
        {"kind", finding.kind},
        {"file", finding.file},
        {"text", finding.text}};
    if (finding.row.has_value()) object["row"] = *finding.row;
    findings.push_back(std::move(object));
  }
  const nlohmann::json report = {{"errors", errors_},
                                 {"warnings", warnings_},
                                 {"counts", counts_},
                                 {"findings", std::move(findings)}};
  return absl::StrCat(
      report.dump(1, ' ', false, nlohmann::json::error_handler_t::replace),
      "\n");
}

}  // namespace fairlead
