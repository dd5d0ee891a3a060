#include "tools/fairleadctl/flag_check.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead {

absl::Status CheckFlags(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    absl::string_view word = words[i];
    if (!absl::ConsumePrefix(&word, "-") || word.empty()) continue;
    absl::ConsumePrefix(&word, "-");
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    // The parser's own, which it does not list.
    if (absl::StartsWith(name, "help") || name == "version") continue;
    absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    const bool is_negated = flag == nullptr && absl::StartsWith(name, "no");
    if (is_negated) flag = absl::FindCommandLineFlag(name.substr(2));
    if (flag == nullptr || (is_negated && !flag->IsOfType<bool>())) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, ": there is no such flag; see --help"));
    }
    if (flag->IsOfType<bool>() && equals == absl::string_view::npos) continue;
    if (equals == absl::string_view::npos && i + 1 == words.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, ": needs a value; see --help"));
    }
    // A value that is a word of its own is the flag's, whatever it looks like.
    const absl::string_view value = equals == absl::string_view::npos
                                        ? absl::string_view(words[++i])
                                        : word.substr(equals + 1);
    std::string error;
    if (!flag->ParseFrom(value, &error)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", name, "=", value, ": no value that it may have; ", error));
    }
  }
  return absl::OkStatus();
}

}  // namespace fairlead
