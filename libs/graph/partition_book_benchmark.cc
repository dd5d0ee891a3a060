// Looks up random ids, 2^16 at a time, in books of 2^26. `bazel run
// --config=opt
// //libs/graph:partition_book_benchmark`.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/graph/partition_book.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr int64_t kIds = int64_t{1} << 26;
constexpr size_t kAsked = size_t{1} << 16;

void CheckOk(const absl::Status& status) {
  if (!status.ok()) std::abort();
}

std::unique_ptr<const PartitionBook> MakeRanges(uint32_t partitions) {
  return std::make_unique<const RangePartitionBook>(
      *RangePartitionBook::CreateEven(kIds, partitions));
}

std::unique_ptr<const PartitionBook> MakeTable(uint32_t partitions) {
  RandomStream random(/*key=*/1, /*place=*/0, /*lane=*/0);
  std::vector<uint32_t> owners(kIds);
  for (uint32_t& owner : owners) {
    owner = static_cast<uint32_t>(random.Below(partitions));
  }
  const std::string path =
      std::filesystem::temp_directory_path() / "partition_book_benchmark.npy";
  CheckOk(WritePartitionTable(path, partitions, owners));
  auto book = TablePartitionBook::Open(path, partitions);
  // (Stays there for as long as it is mapped.)
  std::filesystem::remove(path);
  CheckOk(book.status());
  return std::make_unique<const TablePartitionBook>(*std::move(book));
}

using MakeBook = std::unique_ptr<const PartitionBook> (*)(uint32_t partitions);

// Random ids, `kAsked` at a time, no id soon again.
class Ids {
 public:
  Ids() {
    RandomStream random(/*key=*/2, /*place=*/0, /*lane=*/0);
    for (int64_t& id : ids_) id = static_cast<int64_t>(random.Below(kIds));
  }

  absl::Span<const int64_t> Next() {
    from_ = (from_ + kAsked) % ids_.size();
    return absl::MakeConstSpan(ids_).subspan(from_, kAsked);
  }

 private:
  std::vector<int64_t> ids_ = std::vector<int64_t>(64 * kAsked);
  size_t from_ = 0;
};

void BM_PartitionOf(benchmark::State& state, MakeBook make_book) {
  const auto book = make_book(static_cast<uint32_t>(state.range(0)));
  Ids ids;
  std::vector<uint32_t> owners(kAsked);
  for (auto _ : state) {
    CheckOk(book->PartitionOf(ids.Next(), absl::MakeSpan(owners)));
    benchmark::DoNotOptimize(owners.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kAsked));
}

void BM_Split(benchmark::State& state, MakeBook make_book) {
  const auto book = make_book(static_cast<uint32_t>(state.range(0)));
  Ids ids;
  for (auto _ : state) {
    const auto split = book->Split(ids.Next());
    CheckOk(split.status());
    benchmark::DoNotOptimize(split->ids.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kAsked));
}

#define PARTITIONS ArgName("partitions")->Arg(4)->Arg(64)->Arg(1000)
BENCHMARK_CAPTURE(BM_PartitionOf, ranges, MakeRanges)->PARTITIONS;
BENCHMARK_CAPTURE(BM_PartitionOf, table, MakeTable)->PARTITIONS;
BENCHMARK_CAPTURE(BM_Split, ranges, MakeRanges)->PARTITIONS;
BENCHMARK_CAPTURE(BM_Split, table, MakeTable)->PARTITIONS;

}  // namespace
}  // namespace fairlead
