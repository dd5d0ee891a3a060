// A trainer that may be killed at any moment: its state (the loader's cursor,
// and what it has consumed) goes into one file after every batch, whole or not
// at all, and the next process with the same --state goes on from there.
//
// Prints a line for each batch once the state has it. The state is lines of
// text: the cursor in hexadecimal, then a batch each.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/command_line/command_line.h"
#include "libs/loader/loader_options.h"
#include "libs/loader/sample_stream.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/messages.pb.h"

ABSL_FLAG(std::string, registry, "", "host:port of the registry.");
ABSL_FLAG(std::string, state, "", "File of the state. Required.");
ABSL_FLAG(std::string, name, "", "Of the trainer, the same after a restart.");
ABSL_FLAG(uint64_t, epochs, 1, "Times to go over the seeds.");

namespace fairlead {
namespace {

struct State {
  std::optional<v1::LoaderCursor> cursor;  // none before the first batch
  std::vector<std::string> consumed;
};

absl::StatusOr<State> Read(const std::string& path) {
  State state;
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return state;
  if (!state.cursor.emplace().ParseFromString(absl::HexStringToBytes(line))) {
    return absl::DataLossError(absl::StrCat(path, ": has no cursor"));
  }
  while (std::getline(in, line)) state.consumed.push_back(line);
  return state;
}

absl::Status Write(const std::string& path, const State& state) {
  const std::string next = path + ".next";
  {
    std::ofstream out(next);
    out << absl::BytesToHexString(state.cursor->SerializeAsString()) << "\n";
    for (const std::string& batch : state.consumed) out << batch << "\n";
    if (!out.flush()) return absl::UnavailableError(next);
  }
  if (std::rename(next.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::UnavailableError(path);
}

absl::Status Run() {
  const std::string path = absl::GetFlag(FLAGS_state);
  FAIRLEAD_ASSIGN_OR_RETURN(State state, Read(path));
  NeighborLoaderOptions options;
  options.registry = absl::GetFlag(FLAGS_registry);
  options.member_name = absl::GetFlag(FLAGS_name);
  options.worker_key = absl::GetFlag(FLAGS_name);
  options.input_nodes.split = "all";
  options.fanout = {5, 5};
  options.batch_size = 16;
  options.shuffle = true;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<SampleStream> stream,
                            SampleStream::Create(options));
  uint64_t epoch = 0;
  if (state.cursor.has_value()) {
    epoch = state.cursor->epoch();
    FAIRLEAD_RETURN_IF_ERROR(stream->ResumeEpoch(*state.cursor));
  } else {
    FAIRLEAD_RETURN_IF_ERROR(stream->StartEpoch());
  }
  while (true) {
    FAIRLEAD_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) {
      if (++epoch == absl::GetFlag(FLAGS_epochs)) return absl::OkStatus();
      FAIRLEAD_RETURN_IF_ERROR(stream->StartEpoch());
      continue;
    }
    const v1::MessageHeader& header = batch->message.header;
    state.consumed.push_back(absl::StrCat(header.epoch(), " ", batch->server,
                                          " ", header.batch_index(), " ",
                                          ContentDigest(batch->message)));
    FAIRLEAD_ASSIGN_OR_RETURN(state.cursor, stream->cursor());
    FAIRLEAD_RETURN_IF_ERROR(Write(path, state));
    std::cout << state.consumed.back() << std::endl;
  }
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(argc, argv, "A trainer that may be killed.",
                           __FILE__);
  return fairlead::ExitCode("resuming_trainer", fairlead::Run());
}
