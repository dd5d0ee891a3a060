#include "tools/dataset/folder_commands.h"

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "boost/timer/progress_display.hpp"
#include "libs/graph/dataset.h"
#include "libs/status/status_macros.h"
#include "tools/dataset/check/check_dataset.h"
#include "tools/dataset/check/findings.h"
#include "tools/dataset/edit/add_edges.h"
#include "tools/dataset/edit/edit_command.h"
#include "tools/dataset/export/export_command.h"
#include "tools/dataset/import/import_command.h"
#include "tools/dataset/output_folder.h"
#include "tools/dataset/partition/partition_command.h"

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

// Whatever was written can be read, in all partitions: better known here than
// in a service.
absl::Status LoadAll(const std::string& directory) {
  uint32_t partitions = 1;
  for (uint32_t i = 0; i < partitions; ++i) {
    Dataset::LoadOptions options;
    options.partition = i;
    FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<const Dataset> dataset,
                              Dataset::Load(directory, options));
    partitions = dataset->num_partitions();
  }
  return absl::OkStatus();
}

absl::Status Import(const FolderFlags& flags) {
  FAIRLEAD_ASSIGN_OR_RETURN(OutputFolder folder,
                            OutputFolder::Create(flags.out, flags.overwrite));
  FAIRLEAD_RETURN_IF_ERROR(RunImport(flags.in, folder.path()));
  FAIRLEAD_RETURN_IF_ERROR(LoadAll(folder.path()));
  return folder.Commit();
}

absl::Status Partition(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  FAIRLEAD_ASSIGN_OR_RETURN(OutputFolder folder,
                            OutputFolder::Create(flags.out, flags.overwrite));
  FAIRLEAD_RETURN_IF_ERROR(RunPartition(flags.in, folder.path(), flags.seed));
  FAIRLEAD_RETURN_IF_ERROR(LoadAll(folder.path()));
  return folder.Commit();
}

absl::Status Export(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  FAIRLEAD_ASSIGN_OR_RETURN(OutputFolder folder,
                            OutputFolder::Create(flags.out, flags.overwrite));
  FAIRLEAD_RETURN_IF_ERROR(RunExport(flags.in, folder.path()));
  return folder.Commit();
}

// In place, or in a copy.
absl::Status Split(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  if (flags.out.empty()) return RunSplit(flags.in, flags.seed);
  FAIRLEAD_ASSIGN_OR_RETURN(OutputFolder folder,
                            OutputFolder::Create(flags.out, flags.overwrite));
  std::error_code error;
  std::filesystem::copy(flags.in, folder.path(),
                        std::filesystem::copy_options::recursive, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "--in=", flags.in, ": cannot be copied: ", error.message()));
  }
  FAIRLEAD_RETURN_IF_ERROR(RunSplit(folder.path(), flags.seed));
  return folder.Commit();
}

absl::Status AddInEdges(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  return AddEdges(flags.in, EdgeDir::kIn);
}

absl::Status AddOutEdges(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  return AddEdges(flags.in, EdgeDir::kOut);
}

absl::Status AddLabelEdges(const FolderFlags& flags) {
  FAIRLEAD_RETURN_IF_ERROR(RequireIn(flags));
  return RunAddLabels(flags.in);
}

using Command = absl::Status (*)(const FolderFlags&);

// Null if there is none of that name.
Command FindCommand(const std::string& name) {
  constexpr std::pair<const char*, Command> kCommands[] = {
      {"import", Import},
      {"export", Export},
      {"partition", Partition},
      {"check", Check},
      {"split", Split},
      {"add_in_edges", AddInEdges},
      {"add_out_edges", AddOutEdges},
      {"add_labels", AddLabelEdges},
  };
  for (const auto& [known, command] : kCommands) {
    if (name == known) return command;
  }
  return nullptr;
}

}  // namespace

std::string FolderCommandsUsage() {
  return absl::StrCat(
      kImportUsage, kExportUsage, kPartitionUsage, kEditUsage,
      "  dataset check --in=DIR       what is wrong with a dataset, and where; "
      "--json for machines. Exits with 1 if there are errors\n");
}

bool IsFolderCommand(const std::string& command) {
  return FindCommand(command) != nullptr;
}

absl::Status RunFolderCommand(const std::string& command,
                              const FolderFlags& flags) {
  return FindCommand(command)(flags);
}

}  // namespace fairlead
