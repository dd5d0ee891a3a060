#include "libs/command_line/flag_check.h"

#include <cstddef>
#include <optional>
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
namespace {

// A word that starts with dashes. The texts are those of the words.
struct FlagWord {
  absl::string_view name;
  bool is_parsers_own = false;  // --help and the like, which it does not list
  absl::CommandLineFlag* flag = nullptr;  // null: there is none of that name
  bool is_switch = false;                 // needs no value, and has none
  std::optional<absl::string_view> value;
};

std::vector<FlagWord> FlagWords(const std::vector<std::string>& words) {
  std::vector<FlagWord> found;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    absl::string_view text = words[i];
    if (!absl::ConsumePrefix(&text, "-") || text.empty()) continue;
    absl::ConsumePrefix(&text, "-");
    const size_t equals = text.find('=');
    FlagWord& word = found.emplace_back();
    word.name = text.substr(0, equals);
    if (equals != absl::string_view::npos) word.value = text.substr(equals + 1);
    word.is_parsers_own =
        absl::StartsWith(word.name, "help") || word.name == "version";
    if (word.is_parsers_own) continue;
    word.flag = absl::FindCommandLineFlag(word.name);
    const bool is_negated =
        word.flag == nullptr && absl::StartsWith(word.name, "no");
    if (is_negated) word.flag = absl::FindCommandLineFlag(word.name.substr(2));
    if (word.flag == nullptr) continue;
    if (is_negated && !word.flag->IsOfType<bool>()) {
      word.flag = nullptr;
      continue;
    }
    word.is_switch = word.flag->IsOfType<bool>() && !word.value.has_value();
    // A value that is a word of its own is the flag's, whatever it looks like.
    if (!word.is_switch && !word.value.has_value() && i + 1 < words.size()) {
      word.value = words[++i];
    }
  }
  return found;
}

}  // namespace

absl::Status CheckFlags(const std::vector<std::string>& words) {
  for (const FlagWord& word : FlagWords(words)) {
    if (word.is_parsers_own || word.is_switch) continue;
    if (word.flag == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", word.name, ": there is no such flag; see --help"));
    }
    if (!word.value.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", word.name, ": needs a value; see --help"));
    }
    std::string error;
    if (!word.flag->ParseFrom(*word.value, &error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", word.name, "=", *word.value,
                       ": no value that it may have; ", error));
    }
  }
  return absl::OkStatus();
}

HelpAsked FindHelp(const std::vector<std::string>& words) {
  for (const FlagWord& word : FlagWords(words)) {
    if (word.value.has_value()) continue;
    if (word.name == "help" || word.name == "helpshort") {
      return HelpAsked::kOwnFlags;
    }
    if (word.name == "helpfull") return HelpAsked::kAllFlags;
  }
  return HelpAsked::kNo;
}

}  // namespace fairlead
