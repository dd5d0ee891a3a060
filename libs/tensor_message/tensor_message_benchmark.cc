// What a message's frame costs, beside its tensors: `bazel run --config=opt
// //libs/tensor_message:tensor_message_benchmark`.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// The tensors of a batch of so many nodes, ten edges each, 128 features.
std::vector<TensorSpec> Specs(int64_t nodes) {
  return {{"#IS_HETERO", v1::DTYPE_INT64, {1}},
          {"ids", v1::DTYPE_INT64, {nodes}},
          {"num_sampled_nodes", v1::DTYPE_INT64, {3}},
          {"batch", v1::DTYPE_INT64, {nodes / 16}},
          {"batch_locals", v1::DTYPE_INT64, {nodes / 16}},
          {"cols", v1::DTYPE_INT64, {10 * nodes}},
          {"rows", v1::DTYPE_INT64, {10 * nodes}},
          {"num_sampled_edges", v1::DTYPE_INT64, {2}},
          {"nfeats", v1::DTYPE_FLOAT32, {nodes, 128}},
          {"nlabels", v1::DTYPE_INT64, {nodes}}};
}

void BM_PlanAndWriteFrame(benchmark::State& state) {
  const std::vector<TensorSpec> specs = Specs(state.range(0));
  v1::MessageHeader header;
  header.set_channel_id(7);
  std::vector<uint8_t> message;
  for ([[maybe_unused]] auto _ : state) {
    const absl::StatusOr<MessageLayout> layout =
        MessageLayout::Plan(header, specs);
    if (!layout.ok()) {
      state.SkipWithError("not planned");
      return;
    }
    message.resize(layout->total_bytes());
    layout->WriteFrame(absl::MakeSpan(message));
    benchmark::DoNotOptimize(message.data());
  }
}
BENCHMARK(BM_PlanAndWriteFrame)->ArgName("nodes")->Arg(1 << 10)->Arg(1 << 16);

void BM_Parse(benchmark::State& state) {
  v1::MessageHeader header;
  header.set_channel_id(7);
  const absl::StatusOr<MessageLayout> layout =
      MessageLayout::Plan(header, Specs(state.range(0)));
  if (!layout.ok()) {
    state.SkipWithError("not planned");
    return;
  }
  std::vector<uint8_t> message(layout->total_bytes());
  layout->WriteFrame(absl::MakeSpan(message));
  for ([[maybe_unused]] auto _ : state) {
    const auto parsed = ParseTensorMessage(message);
    if (!parsed.ok()) state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(parsed->tensors.data());
  }
}
BENCHMARK(BM_Parse)->ArgName("nodes")->Arg(1 << 10)->Arg(1 << 16);

// As a trainer that reads every byte does.
void BM_ContentDigest(benchmark::State& state) {
  v1::MessageHeader header;
  const absl::StatusOr<MessageLayout> layout =
      MessageLayout::Plan(header, Specs(state.range(0)));
  if (!layout.ok()) {
    state.SkipWithError("not planned");
    return;
  }
  std::vector<uint8_t> message(layout->total_bytes());
  layout->WriteFrame(absl::MakeSpan(message));
  const auto parsed = ParseTensorMessage(message);
  if (!parsed.ok()) state.SkipWithError("not parsed");
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(ContentDigest(*parsed));
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(message.size()));
}
BENCHMARK(BM_ContentDigest)->ArgName("nodes")->Arg(1 << 10)->Arg(1 << 14);

}  // namespace
}  // namespace fairlead
