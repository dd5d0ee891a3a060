#include "tools/dataset/folder_commands.h"

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "boost/timer/progress_display.hpp"
#include "libs/status/status_macros.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"

ABSL_FLAG(bool, json, false, "check: print a JSON object.");

namespace fairlead {
namespace {

absl::Status RequireIn(const FolderFlags& flags) {
  if (!flags.in.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--in: must name the folder to read");
}

absl::Status Check(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  std::unique_ptr<boost::timer::progress_display> bar;
  CheckOptions options;
  options.progress = [&bar](uint64_t done, uint64_t total) {
    if (bar == nullptr) {
      bar = std::make_unique<boost::timer::progress_display>(total, std::cerr);
    }
    *bar += done - bar->count();
  };
  const Findings findings = CheckDataset(flags.in, options);
  std::cout << (absl::GetFlag(FLAGS_json) ? findings.Json() : findings.Text())
            << std::flush;
  if (findings.errors() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("dataset ", flags.in, ": has ", findings.errors(),
                   " errors; they are listed on standard output"));
}

}  // namespace

const char kFolderCommandsUsage[] =
    "  dataset check --in=DIR       what is wrong with a dataset, and where; "
    "--json for machines. Exits with 1 if there are errors\n";

bool IsFolderCommand(const std::string& command) { return command == "check"; }

absl::Status RunFolderCommand(const std::string& command,
                              const FolderFlags& flags) {
  if (command == "check") return Check(flags);
  return absl::InternalError(absl::StrCat(command, ": is no such command"));
}

}  // namespace fairlead
