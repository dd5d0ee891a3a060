#include "tools/fairleadctl/completion.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

// zsh runs bash's scripts for completion once it is asked to.
constexpr char kZshPrologue[] = R"zsh(autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
)zsh";

// What the cluster knows is asked of the program itself, with the --registry
// that stands on the line so far, and not for long.
constexpr char kScript[] = R"bash(_fairleadctl() {
  local word="${COMP_WORDS[COMP_CWORD]}" command="" registry=() flag value i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "${COMP_WORDS[i]}" in
      --registry=*) registry=("${COMP_WORDS[i]}") ;;
      @FLAG_PATTERN@)
        # Its value is the next word, and words of their own are "=" and ":"
        # where COMP_WORDBREAKS has them.
        flag="${COMP_WORDS[i]}"
        [[ "${COMP_WORDS[i+1]}" == "=" ]] && ((++i))
        value="${COMP_WORDS[++i]}"
        while [[ "${COMP_WORDS[i+1]}" == ":" ]]; do
          value+=":${COMP_WORDS[i+2]}"
          ((i += 2))
        done
        [[ "$flag" == "--registry" ]] && registry=("--registry=$value")
        ;;
      -*) ;;
      *) [[ -z "$command" ]] && command="${COMP_WORDS[i]}" ;;
    esac
  done
  if ((i > COMP_CWORD)); then  # the value of a flag
    case "$flag" in
      --out) COMPREPLY=($(compgen -f -- "$word")) ;;
      --sort) COMPREPLY=($(compgen -W "share batches bytes fill channel" -- "$word")) ;;
    esac
    return
  fi
  local ask=("${COMP_WORDS[0]}" "${registry[@]}" --timeout=1s)
  case "$word" in
    -*) COMPREPLY=($(compgen -W "@FLAGS@" -- "$word")); return ;;
  esac
  case "$command" in
    "") COMPREPLY=($(compgen -W "@COMMANDS@" -- "$word")) ;;
    describe | pause | resume | weight | priority | rate | cancel | trace | record)
      COMPREPLY=($(compgen -W "$("${ask[@]}" channels 2>/dev/null | tail -n +2 | cut -f1)" -- "$word")) ;;
    drain)
      COMPREPLY=($(compgen -W "$("${ask[@]}" members 2>/dev/null | tail -n +2 | grep -v ^trainer | cut -f3)" -- "$word")) ;;
    completion) COMPREPLY=($(compgen -W "bash zsh" -- "$word")) ;;
    replay) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _fairleadctl fairleadctl
)bash";

}  // namespace

absl::StatusOr<std::string> CompletionScript(
    absl::string_view shell, absl::Span<const std::string> commands,
    absl::Span<const std::string> switches,
    absl::Span<const std::string> flags) {
  if (shell != "bash" && shell != "zsh") {
    return absl::InvalidArgumentError(
        absl::StrCat("completion: \"", shell, "\" must be bash or zsh"));
  }
  return absl::StrCat(
      shell == "zsh" ? kZshPrologue : "",
      absl::StrReplaceAll(
          kScript, {{"@COMMANDS@", absl::StrJoin(commands, " ")},
                    {"@FLAGS@", absl::StrCat(absl::StrJoin(switches, " "), " ",
                                             absl::StrJoin(flags, " "))},
                    {"@FLAG_PATTERN@", absl::StrJoin(flags, " | ")}}));
}

}  // namespace fairlead
