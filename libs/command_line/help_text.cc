#include "libs/command_line/help_text.h"

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace fairlead {
namespace {

constexpr char kIndent[] = "     ";  // and the space before each word
constexpr size_t kWidth = 79;

// A switch shows no default but an unusual one: it is given without a value.
std::string Form(const absl::CommandLineFlag& flag) {
  const std::string value = flag.DefaultValue();
  const bool is_off = flag.IsOfType<bool>() && value == "false";
  return absl::StrCat("  --", flag.Name(), is_off ? "" : "=",
                      is_off ? "" : value, "\n");
}

void AppendWrapped(absl::string_view text, std::string& out) {
  for (const absl::string_view paragraph : absl::StrSplit(text, '\n')) {
    std::string line = kIndent;
    for (const absl::string_view word :
         absl::StrSplit(paragraph, ' ', absl::SkipEmpty())) {
      if (line.size() + 1 + word.size() > kWidth && line != kIndent) {
        absl::StrAppend(&out, line, "\n");
        line = kIndent;
      }
      absl::StrAppend(&line, " ", word);
    }
    if (line != kIndent) absl::StrAppend(&out, line, "\n");
  }
}

}  // namespace

std::string HelpText(absl::string_view usage,
                     const std::function<bool(absl::string_view)>& shows) {
  std::map<absl::string_view, const absl::CommandLineFlag*> flags;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (shows(flag->Filename())) flags.emplace(name, flag);
  }
  std::string text = absl::StrCat(usage, "\n");
  if (!flags.empty()) absl::StrAppend(&text, "\nFlags, with their defaults:\n");
  for (const auto& [name, flag] : flags) {
    absl::StrAppend(&text, Form(*flag));
    AppendWrapped(flag->Help(), text);
  }
  absl::StrAppend(&text,
                  "\n--version says what was built, --helpfull lists the flags "
                  "of libraries too.\n");
  return text;
}

}  // namespace fairlead
