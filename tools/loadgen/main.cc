// A trainer without a model: flags in, load out, a report at the end.

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "boost/timer/progress_display.hpp"
#include "libs/command_line/byte_size.h"
#include "libs/command_line/command_line.h"
#include "libs/dist_graph/dist_dataset.h"
#include "libs/loader/input_nodes.h"
#include "libs/loader/keep_freed_memory.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/sample_stream.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/rpc/edge_type_proto.h"
#include "libs/rpc/security_flags.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/telemetry.h"
#include "libs/type_names/type_names.h"
#include "protos/fairlead/v1/sampling.pb.h"
#include "tools/loadgen/dry_run.h"
#include "tools/loadgen/load.h"
#include "tools/loadgen/prefetch_size.h"

ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry.");
ABSL_FLAG(std::string, fanout, "15,10,5",
          "Neighbours per node, hop by hop; -1 for all, empty for no hops.");
ABSL_FLAG(uint64_t, batch_size, 512, "Seeds per batch.");
ABSL_FLAG(uint64_t, epochs, 1, "Times that each client goes over the seeds.");
ABSL_FLAG(uint64_t, max_batches, 0,
          "After how many batches each client stops; 0 for none.");
ABSL_FLAG(
    std::string, name, "",
    "Name of the clients, NAME-0, NAME-1, ..., that no other trainer has; "
    "made up if empty.");
ABSL_FLAG(uint64_t, clients, 1, "Trainers at a time, each with all seeds.");
ABSL_FLAG(absl::Duration, step_time, absl::ZeroDuration(),
          "What a client does with each batch, besides looking at it: nothing, "
          "for so long.");
ABSL_FLAG(bool, read_batches, true,
          "Read every byte of a batch, and say their digest. Without, a client "
          "takes no longer than it must.");
ABSL_FLAG(bool, shuffle, false, "A new order of the seeds in each epoch.");
ABSL_FLAG(uint64_t, seed, 0, "Of every random draw.");
ABSL_FLAG(bool, features, true, "Whether batches carry node features.");
ABSL_FLAG(
    bool, dry_run, false,
    "Load nothing: say what the load would take of each storage host, and "
    "whether it has that.");
ABSL_FLAG(fairlead::ByteSize, buffer_bytes, fairlead::ByteSize(64 << 20),
          "Shared memory for the batches of one client on one host.");
ABSL_FLAG(bool, json, false, "Print the report as one JSON object.");
ABSL_FLAG(std::string, metrics_listen, "",
          "host:port where Prometheus finds /metrics of the clients; port 0 "
          "takes a free one; none if empty.");
ABSL_FLAG(bool, log_batches, false,
          "Print a JSON object for each batch as it comes, before the report.");
ABSL_FLAG(std::string, split, "train",
          "Seeds: the split train, val, test or all.");
ABSL_FLAG(std::vector<std::string>, ids, {},
          "Seeds: these node ids, in place of a split.");
ABSL_FLAG(std::string, node_type, "",
          "Node type of the seeds; may be empty where there is one.");
ABSL_FLAG(bool, replace, false, "Draw neighbours with replacement.");
ABSL_FLAG(bool, with_edge, false, "Whether batches carry edge ids.");
ABSL_FLAG(bool, drop_last, false, "Leave out a last batch that is not full.");
ABSL_FLAG(std::string, sampling, "node",
          "What a batch is: node (neighbourhoods), link (of edges and of what "
          "are none), subgraph, ablp (anchors and labels), ppr.");
ABSL_FLAG(std::string, edge_type, "",
          "Of link and ablp: src__relation__dst; may be empty where there is "
          "one. Links start from all edges of a pool's partition.");
ABSL_FLAG(std::vector<std::string>, edges, {},
          "Of link: these edges, such as 3:17,4:9, in place of all.");
ABSL_FLAG(std::string, negatives, "none",
          "Of link: none, binary or triplet, one for each edge.");
ABSL_FLAG(bool, strict, true, "Of link: no negative is an edge.");
ABSL_FLAG(std::string, edge_dir, "out",
          "out: along edges; in: against them, where the dataset has them so.");
ABSL_FLAG(bool, with_weight, false, "Draw neighbours by edge weight.");
ABSL_FLAG(std::string, temporal, "",
          "Only edges that are not later than their seed: uniform or last.");
ABSL_FLAG(std::vector<std::string>, times, {},
          "With --temporal: the time of each of --ids or --edges, in place of "
          "nodes' timestamps.");
ABSL_FLAG(std::vector<std::string>, server_ranks, {},
          "Load from these sampler pools; from all if empty.");
ABSL_FLAG(fairlead::PrefetchSize, prefetch_size, fairlead::PrefetchSize(4),
          "Batches per client and server that may be under way; auto: as many "
          "as it takes for a client not to wait for the link, 2 to 64.");
ABSL_FLAG(fairlead::ByteSize, credit_bytes, fairlead::ByteSize(256 << 20),
          "Bytes per client and server that may be under way.");
ABSL_FLAG(std::string, backend_key, "loadgen",
          "The backend that the clients share.");
ABSL_FLAG(double, weight, 1,
          "Share of the pool's worker time, against other trainers'.");
ABSL_FLAG(uint32_t, priority, 0,
          "0 to 3; batches of higher priorities are made first.");
ABSL_FLAG(
    std::string, workers, "remote",
    "Who makes the batches: remote (the cluster), mp (a sampler pool that "
    "is the client's own process, through shared memory) or collocated "
    "(the client itself).");
ABSL_FLAG(std::string, dataset, "",
          "Folder of the dataset for --workers=mp "
          "or collocated.");
ABSL_FLAG(uint32_t, num_workers, 1, "Of --workers=mp: sampling threads.");
ABSL_FLAG(
    std::string, sampler_pool, "",
    "Of --workers=mp: the program; by default one that lies beside this.");
ABSL_FLAG(std::string, shm_dir, "/dev/shm/fairlead",
          "Of --workers=mp: where the buffer is.");
ABSL_FLAG(absl::Duration, connect_timeout, absl::Seconds(60),
          "How long to wait for the registry, a pool and a gateway.");
ABSL_FLAG(absl::Duration, recovery_timeout, absl::Seconds(120),
          "How long a service that died may stay away before its part of the "
          "epoch fails.");

namespace fairlead {
namespace {

// Whether ^C or SIGTERM has come: clients stop, and the report is printed. The
// second ends the process at once.
std::atomic<bool> stopping = false;

void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stopping = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// The value that goes with a word. INVALID_ARGUMENT, with all words, for one
// that has none.
template <typename Value>
absl::StatusOr<Value> Choose(
    const char* flag, const std::string& word,
    const std::vector<std::pair<std::string, Value>>& choices) {
  std::string words;
  for (const auto& [choice, value] : choices) {
    if (choice == word) return value;
    absl::StrAppend(&words, words.empty() ? "" : ", ", "\"", choice, "\"");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, "=", word, ": must be one of ", words));
}

absl::Status SetSampling(v1::SamplingConfig& config) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::SamplingType type,
      Choose<v1::SamplingType>("sampling", absl::GetFlag(FLAGS_sampling),
                               {{"node", v1::SAMPLING_TYPE_NODE},
                                {"link", v1::SAMPLING_TYPE_LINK},
                                {"subgraph", v1::SAMPLING_TYPE_SUBGRAPH},
                                {"ablp", v1::SAMPLING_TYPE_ABLP},
                                {"ppr", v1::SAMPLING_TYPE_PPR}}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::NegativeMode negatives,
      Choose<v1::NegativeMode>("negatives", absl::GetFlag(FLAGS_negatives),
                               {{"none", v1::NEGATIVE_MODE_NONE},
                                {"binary", v1::NEGATIVE_MODE_BINARY},
                                {"triplet", v1::NEGATIVE_MODE_TRIPLET}}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::EdgeDir edge_dir,
      Choose<v1::EdgeDir>(
          "edge_dir", absl::GetFlag(FLAGS_edge_dir),
          {{"out", v1::EDGE_DIR_OUT}, {"in", v1::EDGE_DIR_IN}}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const v1::TemporalStrategy temporal,
      Choose<v1::TemporalStrategy>("temporal", absl::GetFlag(FLAGS_temporal),
                                   {{"", v1::TEMPORAL_STRATEGY_UNSPECIFIED},
                                    {"uniform", v1::TEMPORAL_STRATEGY_UNIFORM},
                                    {"last", v1::TEMPORAL_STRATEGY_LAST}}));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> fanout,
                            ParseFanout(absl::GetFlag(FLAGS_fanout)));
  config.set_type(type);
  config.mutable_fanout()->Assign(fanout.begin(), fanout.end());
  config.set_batch_size(absl::GetFlag(FLAGS_batch_size));
  config.set_shuffle(absl::GetFlag(FLAGS_shuffle));
  config.set_drop_last(absl::GetFlag(FLAGS_drop_last));
  config.set_with_edge(absl::GetFlag(FLAGS_with_edge));
  config.set_collect_features(absl::GetFlag(FLAGS_features));
  config.set_replace(absl::GetFlag(FLAGS_replace));
  config.set_seed(absl::GetFlag(FLAGS_seed));
  config.set_edge_dir(edge_dir);
  config.set_temporal(temporal);
  config.set_with_weight(absl::GetFlag(FLAGS_with_weight));
  if (type == v1::SAMPLING_TYPE_LINK) {
    config.mutable_link()->set_negatives(negatives);
    config.mutable_link()->set_strict(absl::GetFlag(FLAGS_strict));
  }
  if (type == v1::SAMPLING_TYPE_ABLP &&
      !absl::GetFlag(FLAGS_edge_type).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const EdgeTypeName name,
        ParseEdgeTypeName(absl::GetFlag(FLAGS_edge_type)));
    *config.mutable_ablp()->mutable_supervision_edge_type() = ToProto(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<InputEdges> EdgesFromFlags() {
  InputEdges input;
  if (!absl::GetFlag(FLAGS_edge_type).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        input.edge_type, ParseEdgeTypeName(absl::GetFlag(FLAGS_edge_type)));
  }
  for (const std::string& word : absl::GetFlag(FLAGS_edges)) {
    const std::vector<std::string> ends = absl::StrSplit(word, ':');
    int64_t src = 0;
    int64_t dst = 0;
    if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &src) ||
        !absl::SimpleAtoi(ends[1], &dst)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--edges: \"", word, "\" is no edge; write 3:17,4:9"));
    }
    if (!input.edges.has_value()) input.edges = InputEdges::List{};
    input.edges->src.push_back(src);
    input.edges->dst.push_back(dst);
  }
  return input;
}

absl::StatusOr<v1::SeedNodes> SeedsFromFlags(v1::SamplingType type) {
  v1::SeedNodes seeds;
  if (type == v1::SAMPLING_TYPE_LINK) {
    FAIRLEAD_ASSIGN_OR_RETURN(const InputEdges edges, EdgesFromFlags());
    seeds = ToSeedNodes(edges);
  } else {
    InputNodes nodes;
    nodes.node_type = absl::GetFlag(FLAGS_node_type);
    nodes.split = absl::GetFlag(FLAGS_split);
    FAIRLEAD_ASSIGN_OR_RETURN(nodes.ids, ParseIds(absl::GetFlag(FLAGS_ids)));
    FAIRLEAD_RETURN_IF_ERROR(Validate(nodes));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<v1::SeedNodes> all,
                              ToSeedNodes(nodes));
    seeds = all[0];
  }
  for (const std::string& word : absl::GetFlag(FLAGS_times)) {
    int64_t time = 0;
    if (!absl::SimpleAtoi(word, &time)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--times: \"", word, "\" is no time; write 40,41,45"));
    }
    seeds.add_times(time);
  }
  return seeds;
}

absl::StatusOr<WorkerOptions> WorkersFromFlags() {
  return Choose<WorkerOptions>(
      "workers", absl::GetFlag(FLAGS_workers),
      {{"remote", RemoteWorkerOptions()},
       {"mp",
        MpWorkerOptions{
            .num_workers = absl::GetFlag(FLAGS_num_workers),
            .channel_size = absl::GetFlag(FLAGS_buffer_bytes).bytes,
            .shm_dir = absl::GetFlag(FLAGS_shm_dir),
            .sampler_pool_program = absl::GetFlag(FLAGS_sampler_pool)}},
       {"collocated", CollocatedWorkerOptions()}});
}

absl::StatusOr<LoadOptions> OptionsFromFlags() {
  LoadOptions options;
  options.clients = absl::GetFlag(FLAGS_clients);
  options.epochs = absl::GetFlag(FLAGS_epochs);
  options.max_batches = absl::GetFlag(FLAGS_max_batches);
  options.name = absl::GetFlag(FLAGS_name);
  options.step_time = absl::GetFlag(FLAGS_step_time);
  options.read_batches = absl::GetFlag(FLAGS_read_batches);
  options.should_stop = [] { return stopping.load(); };
  SampleStreamOptions& loader = options.loader;
  loader.registry = absl::GetFlag(FLAGS_registry);
  FAIRLEAD_ASSIGN_OR_RETURN(loader.security, rpc::SecurityFromFlags());
  FAIRLEAD_ASSIGN_OR_RETURN(loader.worker_options, WorkersFromFlags());
  loader.prefetch_size = absl::GetFlag(FLAGS_prefetch_size).batches;
  loader.credit_bytes = absl::GetFlag(FLAGS_credit_bytes).bytes;
  loader.connect_timeout = absl::GetFlag(FLAGS_connect_timeout);
  loader.recovery_timeout = absl::GetFlag(FLAGS_recovery_timeout);
  loader.control.set_weight(absl::GetFlag(FLAGS_weight));
  loader.control.set_priority(absl::GetFlag(FLAGS_priority));
  loader.backend_key = absl::GetFlag(FLAGS_backend_key);
  loader.backend.set_buffer_bytes(absl::GetFlag(FLAGS_buffer_bytes).bytes);
  for (const std::string& word : absl::GetFlag(FLAGS_server_ranks)) {
    uint32_t rank = 0;
    if (!absl::SimpleAtoi(word, &rank)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--server_ranks: \"", word, "\" is no rank; write 0,1"));
    }
    loader.server_ranks.push_back(rank);
  }
  FAIRLEAD_RETURN_IF_ERROR(SetSampling(loader.config));
  FAIRLEAD_ASSIGN_OR_RETURN(v1::SeedNodes seeds,
                            SeedsFromFlags(loader.config.type()));
  loader.seeds = {std::move(seeds)};
  return options;
}

absl::Status Run() {
  FAIRLEAD_ASSIGN_OR_RETURN(LoadOptions options, OptionsFromFlags());
  const bool json = absl::GetFlag(FLAGS_json);
  if (absl::GetFlag(FLAGS_dry_run)) {
    FAIRLEAD_ASSIGN_OR_RETURN(const DryRun dry_run, PlanLoad(options));
    std::cout << (json ? dry_run.ToJson() + "\n" : dry_run.ToText());
    return dry_run.status;
  }
  std::unique_ptr<Telemetry> telemetry;
  if (!absl::GetFlag(FLAGS_metrics_listen).empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        telemetry, Telemetry::Serve(absl::GetFlag(FLAGS_metrics_listen)));
    options.telemetry = telemetry.get();
  }
  std::optional<DistDataset> dataset;
  if (absl::GetFlag(FLAGS_workers) != "remote") {
    if (absl::GetFlag(FLAGS_dataset).empty()) {
      return absl::InvalidArgumentError(
          "--dataset: must name the folder that --workers=mp or collocated "
          "sample");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(
        dataset,
        DistDataset::Load(absl::GetFlag(FLAGS_dataset), /*partition_idx=*/0));
    options.open_stream = [&] {
      return SampleStream::Create(&*dataset, options.loader);
    };
  }
  StopOnSignals();
  std::unique_ptr<boost::timer::progress_display> progress;
  if (absl::GetFlag(FLAGS_log_batches)) {
    options.on_batch = [](const LoadedBatch& batch) {
      std::cout << batch.ToJson() << std::endl;
    };
  } else if (!json && isatty(STDERR_FILENO) != 0) {
    options.on_start = [&](uint64_t batches) {
      progress =
          std::make_unique<boost::timer::progress_display>(batches, std::cerr);
    };
    options.on_batch = [&](const LoadedBatch&) { ++*progress; };
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const LoadReport report, RunLoad(options));
  std::cout << (json ? report.ToJson() + "\n" : report.ToText()) << std::flush;
  return report.status;
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::KeepFreedMemory();
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Loads batches from a running cluster as trainers would, without a "
      "model, and says how fast\nthey came, and that each came once:\n\n"
      "  loadgen --registry=127.0.0.1:7100 --fanout=15,10 --clients=2 --json",
      __FILE__);
  return fairlead::ExitCode("loadgen", fairlead::Run());
}
