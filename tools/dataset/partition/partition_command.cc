#include "tools/dataset/partition/partition_command.h"

#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "boost/timer/progress_display.hpp"
#include "libs/command_line/byte_size.h"
#include "libs/partition_writer/partition_options.h"
#include "libs/partition_writer/partition_summary.h"
#include "libs/partition_writer/partition_writer.h"
#include "libs/status/status_macros.h"

ABSL_FLAG(int64_t, parts, 0, "partition: into how many. Required.");
ABSL_FLAG(std::string, method, "range",
          "partition: range, random, hash, metis or frequency.");
ABSL_FLAG(bool, balance_edges, false,
          "partition: range and metis are to balance nodes and edges, and not "
          "nodes alone.");
ABSL_FLAG(std::vector<std::string>, fanout,
          std::vector<std::string>({"15", "10", "5"}),
          "partition: of the batches that frequency and caches are for.");
ABSL_FLAG(int64_t, hotness_batch, 1024,
          "partition: seeds in such a batch; 0: all.");
ABSL_FLAG(fairlead::ByteSize, cache_bytes, fairlead::ByteSize(0),
          "partition: in each partition, for copies of others' feature rows.");
ABSL_FLAG(std::string, report, "",
          "partition: a file for the report, as JSON.");

namespace fairlead {
namespace {

absl::StatusOr<PartitionOptions> OptionsFromFlags(uint64_t seed) {
  PartitionOptions options;
  options.parts = absl::GetFlag(FLAGS_parts);
  options.seed = seed;
  options.balance_edges = absl::GetFlag(FLAGS_balance_edges);
  options.hotness_batch = absl::GetFlag(FLAGS_hotness_batch);
  options.cache_bytes = absl::GetFlag(FLAGS_cache_bytes).bytes;
  FAIRLEAD_ASSIGN_OR_RETURN(options.method,
                            ParsePartitionMethod(absl::GetFlag(FLAGS_method)));
  options.fanouts.clear();
  for (const std::string& text : absl::GetFlag(FLAGS_fanout)) {
    if (!absl::SimpleAtoi(text, &options.fanouts.emplace_back())) {
      return absl::InvalidArgumentError(
          absl::StrCat("--fanout: ", text,
                       " is no whole number; give one for each hop, as in "
                       "--fanout=15,10"));
    }
  }
  return options;
}

absl::Status CannotWrite(const std::string& report) {
  return absl::UnavailableError(
      absl::StrCat("--report=", report, ": cannot be written"));
}

}  // namespace

const char kPartitionUsage[] =
    "  dataset partition --in=DIR --out=DIR --parts=N "
    "[--method=range|random|hash|metis|frequency]\n"
    "      [--seed=S] [--balance_edges] [--cache_bytes=512MB] "
    "[--fanout=15,10,5] [--hotness_batch=1024]\n"
    "      [--report=FILE]\n"
    "                               a dataset in N partitions, for --dataset "
    "and --partition of pools.\n"
    "                               Memory: 4 bytes a node, and buffers; with "
    "frequency or a cache\n"
    "                               also 8 an edge and 40 a node (frequency: "
    "and 4 a node and\n"
    "                               partition); with metis about 150 an edge "
    "and node\n";

absl::Status RunPartition(const std::string& in, const std::string& directory,
                          uint64_t seed) {
  FAIRLEAD_ASSIGN_OR_RETURN(const PartitionOptions options,
                            OptionsFromFlags(seed));
  // Opened now: better to fail at once than after an hour's work.
  const std::string report = absl::GetFlag(FLAGS_report);
  std::ofstream report_file;
  if (!report.empty()) report_file.open(report);
  if (!report_file) return CannotWrite(report);

  std::unique_ptr<boost::timer::progress_display> bar;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const PartitionSummary summary,
      WritePartitions(
          in, directory, options, [&bar](uint64_t done, uint64_t total) {
            if (bar == nullptr) {
              bar = std::make_unique<boost::timer::progress_display>(total,
                                                                     std::cerr);
            }
            *bar += done - bar->count();
          }));
  std::cerr << SummaryText(summary);
  if (report.empty()) return absl::OkStatus();
  report_file << SummaryJson(summary);
  report_file.close();
  return report_file ? absl::OkStatus() : CannotWrite(report);
}

}  // namespace fairlead
