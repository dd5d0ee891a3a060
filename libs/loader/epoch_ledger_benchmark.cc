// What recovery costs a trainer that never needs it: the books of an epoch.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "benchmark/benchmark.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/random/philox.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {
namespace {

// Batches of an epoch as they come: `out_of_order` of them are on their way at
// a time, and any of these is the next.
std::vector<uint64_t> Order(uint64_t batches, uint64_t out_of_order) {
  std::vector<uint64_t> order(batches);
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(1, 2, 3);
  for (uint64_t begin = 0; begin < batches; begin += out_of_order) {
    const uint64_t size = std::min(out_of_order, batches - begin);
    for (uint64_t i = size; i > 1; --i) {
      std::swap(order[begin + i - 1], order[begin + random.Below(i)]);
    }
  }
  return order;
}

constexpr uint64_t kBatches = 10'000;

// One batch booked.
void BM_OnBatch(benchmark::State& state) {
  const std::vector<uint64_t> order =
      Order(kBatches, static_cast<uint64_t>(state.range(0)));
  v1::MessageHeader header;
  header.set_channel_id(7);
  for (auto _ : state) {
    EpochLedger ledger(7, 0, kBatches);
    for (const uint64_t batch : order) {
      header.set_batch_index(batch);
      benchmark::DoNotOptimize(ledger.OnBatch(header, batch));
    }
  }
  state.SetItemsProcessed(state.iterations() * kBatches);
}
BENCHMARK(BM_OnBatch)->Arg(1)->Arg(8)->Arg(64)->Arg(kBatches);

// What is held, for a re-subscription: only after a break.
void BM_Held(benchmark::State& state) {
  const std::vector<uint64_t> order =
      Order(kBatches, static_cast<uint64_t>(state.range(0)));
  EpochLedger ledger(7, 0, kBatches);
  v1::MessageHeader header;
  header.set_channel_id(7);
  for (uint64_t i = 0; i < kBatches / 2; ++i) {
    header.set_batch_index(order[i]);
    ledger.OnBatch(header, 0);
  }
  for (auto _ : state) benchmark::DoNotOptimize(ledger.held());
}
BENCHMARK(BM_Held)->Arg(8)->Arg(kBatches);

}  // namespace
}  // namespace fairlead
