#include "tools/fairleadctl/prometheus_text.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead {
namespace {

void SkipSpaces(absl::string_view& rest) {
  while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) {
    rest.remove_prefix(1);
  }
}

// A name of a metric or a label; empty if there is none.
absl::string_view TakeName(absl::string_view& rest) {
  size_t size = 0;
  while (size < rest.size() &&
         (absl::ascii_isalnum(static_cast<unsigned char>(rest[size])) ||
          rest[size] == '_' || rest[size] == ':')) {
    ++size;
  }
  const absl::string_view name = rest.substr(0, size);
  rest.remove_prefix(size);
  return name;
}

// What stands between quotes, of which the first is taken already.
std::optional<std::string> TakeQuoted(absl::string_view& rest) {
  std::string value;
  while (!rest.empty()) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c == '"') return value;
    if (c == '\\') {
      if (rest.empty()) return std::nullopt;
      c = rest[0] == 'n' ? '\n' : rest[0];
      rest.remove_prefix(1);
    }
    value += c;
  }
  return std::nullopt;
}

bool TakeLabels(absl::string_view& rest, MetricLabels& labels) {
  if (!absl::ConsumePrefix(&rest, "{")) return true;
  while (true) {
    SkipSpaces(rest);
    if (absl::ConsumePrefix(&rest, "}")) return true;
    const std::string name(TakeName(rest));
    SkipSpaces(rest);
    if (name.empty() || !absl::ConsumePrefix(&rest, "=")) return false;
    SkipSpaces(rest);
    if (!absl::ConsumePrefix(&rest, "\"")) return false;
    std::optional<std::string> value = TakeQuoted(rest);
    if (!value.has_value()) return false;
    labels[name] = *std::move(value);
    SkipSpaces(rest);
    // A comma may stand behind the last one too.
    if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "}")) {
      return false;
    }
  }
}

std::optional<MetricSample> ParseLine(absl::string_view line) {
  MetricSample sample;
  SkipSpaces(line);
  sample.name = std::string(TakeName(line));
  if (sample.name.empty()) return std::nullopt;
  SkipSpaces(line);
  if (!TakeLabels(line, sample.labels)) return std::nullopt;
  // The value, and maybe a timestamp.
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.empty() || words.size() > 2) return std::nullopt;
  if (!absl::SimpleAtod(words[0], &sample.value)) return std::nullopt;
  return sample;
}

}  // namespace

absl::StatusOr<std::vector<MetricSample>> ParsePrometheusText(
    absl::string_view text) {
  std::vector<MetricSample> samples;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view content = absl::StripAsciiWhitespace(line);
    if (content.empty() || content[0] == '#') continue;
    std::optional<MetricSample> sample = ParseLine(content);
    if (!sample.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, " of the metrics is no sample"));
    }
    samples.push_back(*std::move(sample));
  }
  return samples;
}

}  // namespace fairlead
