// The performance of Fairlead on this machine: measured, written down, drawn,
// and compared with an earlier time. See README.md.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/command_line/build_info.h"
#include "libs/command_line/command_line.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/bench/figures.h"
#include "tools/bench/report.h"
#include "tools/bench/suite.h"

ABSL_FLAG(std::string, out, "",
          "The file to write results to, NAME.json; the report lies beside it, "
          "NAME.html. By default bench-DATE.json in --work_dir.");
ABSL_FLAG(std::string, baseline, "",
          "Results of an earlier run to compare with.");
ABSL_FLAG(std::string, report_of, "",
          "Measure nothing: write the report of these results again.");
ABSL_FLAG(
    bool, quick, false,
    "One to two minutes: a graph of 2^16 nodes, one round, short windows, "
    "few benchmarks. To see that all is well, not to quote.");
ABSL_FLAG(std::vector<std::string>, parts, {},
          "Only these: floors, micro, sampling, idle, loads, syscalls, "
          "scaling.");
ABSL_FLAG(std::string, dataset, "",
          "A dataset of one node and one edge type. By default a Kronecker "
          "graph is made in --work_dir, and kept there.");
ABSL_FLAG(int, scale, 20, "log2 of the nodes of the graph that is made.");
ABSL_FLAG(uint64_t, max_nodes, uint64_t{1} << 20,
          "Nodes of the largest graph in the plots of scaling; others are made "
          "from 2^16 nodes on, each with four times as many. With 100000000, "
          "20 GB of disk and 24 GB of memory are needed.");
ABSL_FLAG(std::string, work_dir, "/tmp/fairlead-bench",
          "For datasets that are made, and logs.");
ABSL_FLAG(int, workers, 2, "Sampling threads of the pool.");
ABSL_FLAG(int, rounds, 3, "Times that each thing is measured, in turns.");
ABSL_FLAG(absl::Duration, window, absl::Seconds(5),
          "How long a load is watched.");
ABSL_FLAG(std::string, commit, "",
          "What is measured, for the results; by default what --stamp put into "
          "the program.");

namespace fairlead::bench {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<Json> ReadResults(const std::string& path) {
  std::ifstream file(path);
  if (!file.is_open()) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Json results = Json::parse(text, nullptr, false);
  const absl::Status status = CheckSchema(results);
  if (status.ok()) return results;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", std::string(status.message())));
}

// A line for each part: a run takes few lines of a diff.
std::string ToText(const Json& results) {
  std::string text;
  for (const auto& [key, value] : results.items()) {
    absl::StrAppend(&text, text.empty() ? "{" : ",\n ", Json(key).dump(), ": ",
                    value.dump());
  }
  return text + "}\n";
}

absl::Status Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (file.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

absl::StatusOr<SuiteOptions> OptionsFromFlags(const std::string& programs) {
  SuiteOptions options;
  options.programs.root = programs;
  options.work_dir = absl::GetFlag(FLAGS_work_dir);
  options.shm_dir = absl::StrCat("/dev/shm/fairlead-bench-", getpid());
  options.dataset = absl::GetFlag(FLAGS_dataset);
  options.scale = absl::GetFlag(FLAGS_scale);
  options.max_nodes = absl::GetFlag(FLAGS_max_nodes);
  options.workers = absl::GetFlag(FLAGS_workers);
  options.rounds = absl::GetFlag(FLAGS_rounds);
  options.window = absl::GetFlag(FLAGS_window);
  const std::vector<std::string> parts = absl::GetFlag(FLAGS_parts);
  options.parts = {parts.begin(), parts.end()};
  if (absl::GetFlag(FLAGS_quick)) {
    options.quick = true;
    options.scale = std::min(options.scale, 16);
    options.max_nodes = std::min(options.max_nodes, uint64_t{1} << 16);
    options.rounds = 1;
    options.window = std::min(options.window, absl::Seconds(1));
    options.warm_up = options.window / 2;
    options.clients = {1, 4};
    options.seconds_per_floor = 0.02;
    options.seconds_per_micro = 0.01;
    options.table_bytes = uint64_t{64} << 20;
    options.traced_batches = 20;
  }
  if (options.rounds < 1 || options.scale < 10 || options.workers < 1 ||
      options.max_nodes < options.batch_size ||
      options.window <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "--rounds, --workers and --window: must be above 0; --scale: at least "
        "10; --max_nodes: at least 1024");
  }
  options.on_step = [](int done, int all, const std::string& step) {
    std::cerr << absl::StrFormat("[%2d/%d] %s\n", done + 1, all, step);
  };
  return options;
}

absl::StatusOr<Json> Measure(const std::string& programs) {
  FAIRLEAD_ASSIGN_OR_RETURN(const SuiteOptions options,
                            OptionsFromFlags(programs));
  const absl::Time start = absl::Now();
  FAIRLEAD_ASSIGN_OR_RETURN(const Json measured, RunSuite(options));
  const BuildInfo build = ThisBuild();
  const std::string commit = absl::GetFlag(FLAGS_commit);
  Json results = {{"schema", kSchema},
                  {"taken",
                   {{"at", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", start,
                                            absl::UTCTimeZone())},
                    {"seconds", absl::ToDoubleSeconds(absl::Now() - start)},
                    {"version", build.version},
                    {"commit", commit.empty() ? build.commit : commit},
                    {"config", build.config},
                    {"quick", options.quick},
                    {"rounds", options.rounds},
                    {"workers", options.workers},
                    {"window_s", absl::ToDoubleSeconds(options.window)},
                    {"warm_up_s", absl::ToDoubleSeconds(options.warm_up)}}}};
  results.update(measured);
  return results;
}

std::string OutFile() {
  if (!absl::GetFlag(FLAGS_out).empty()) return absl::GetFlag(FLAGS_out);
  return absl::StrCat(
      absl::GetFlag(FLAGS_work_dir), "/bench-",
      absl::FormatTime("%Y%m%d-%H%M%S", absl::Now(), absl::LocalTimeZone()),
      ".json");
}

absl::Status Run(const std::string& programs) {
  // What can be known to be wrong is, before ten minutes have passed.
  std::filesystem::path out = OutFile();
  if (absl::GetFlag(FLAGS_out).empty() &&
      !absl::GetFlag(FLAGS_report_of).empty()) {
    out = absl::GetFlag(FLAGS_report_of);
  }
  std::error_code error;
  if (out.has_parent_path()) {
    std::filesystem::create_directories(out.parent_path(), error);
  }
  std::filesystem::path page = out;
  page.replace_extension(".html");
  Json baseline = nullptr;
  if (!absl::GetFlag(FLAGS_baseline).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(baseline,
                              ReadResults(absl::GetFlag(FLAGS_baseline)));
  }
  Json results;
  if (absl::GetFlag(FLAGS_report_of).empty()) {
    FAIRLEAD_RETURN_IF_ERROR(Write(page.string(), ""));
    FAIRLEAD_ASSIGN_OR_RETURN(results, Measure(programs));
    FAIRLEAD_RETURN_IF_ERROR(Write(out.string(), ToText(results)));
    std::cout << out.string() << "\n";
  } else {
    FAIRLEAD_ASSIGN_OR_RETURN(results,
                              ReadResults(absl::GetFlag(FLAGS_report_of)));
  }
  FAIRLEAD_RETURN_IF_ERROR(Write(page.string(), ReportHtml(results, baseline)));
  std::cout << page.string() << "\n" << ReportText(results, baseline);
  return absl::OkStatus();
}

// Where the programs lie that are measured: beside this one, or, where this is
// itself another's data, in that one's tree.
std::string FindPrograms(const char* argv0) {
  const std::filesystem::path self = std::filesystem::absolute(argv0);
  const std::filesystem::path own = self.string() + ".runfiles/fairlead";
  std::error_code error;
  if (std::filesystem::is_directory(own, error)) return own.string();
  return self.parent_path().parent_path().parent_path().string();
}

}  // namespace
}  // namespace fairlead::bench

int main(int argc, char** argv) {
  // Before the flags are read, which may change the folder.
  const std::string programs = fairlead::bench::FindPrograms(argv[0]);
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Measures Fairlead on this machine, and the machine beside it: "
      "benchmarks of the parts, whole\nclusters under load, and what memory, "
      "sockets and futexes give at best. Writes results as\nJSON and a report "
      "to read. About eight minutes; leave the machine alone meanwhile.\n\n"
      "  tools/dev bench --out=/tmp/now.json --baseline=/tmp/before.json\n"
      "  tools/dev bench --quick",
      __FILE__);
  return fairlead::ExitCode("bench", fairlead::bench::Run(programs));
}
