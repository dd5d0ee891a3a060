// Reads tables of 64 MiB from the page cache: the reader, beside the loop that
// one would write in its place, which checks nothing.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/test_tables.h"
#include "libs/random/philox.h"

namespace fairlead {
namespace {

constexpr size_t kTextBytes = size_t{64} << 20;
constexpr size_t kRowsAtOnce = 65'536;
constexpr int kFeatures = 32;

// Edges of a graph of 2^26 nodes.
std::string EdgesText(const std::string& field) {
  RandomStream random(/*key=*/1, /*place=*/0, /*lane=*/0);
  std::string text;
  while (text.size() < kTextBytes) {
    absl::StrAppend(&text, field, random.Below(1 << 26), field, ",", field,
                    random.Below(1 << 26), field, "\n");
  }
  return text;
}

std::string FeaturesText() {
  RandomStream random(/*key=*/1, /*place=*/0, /*lane=*/0);
  std::string text;
  while (text.size() < kTextBytes) {
    for (int i = 0; i < kFeatures; ++i) {
      const double value =
          static_cast<double>(random.Next32()) / (1U << 31) - 1;
      absl::StrAppend(&text, i == 0 ? "" : ",", value);  // six digits
    }
    text += '\n';
  }
  return text;
}

// A file that is there as long as this is.
class TextFile {
 public:
  explicit TextFile(const std::string& bytes)
      : path_((std::filesystem::temp_directory_path() / "table-XXXXXX")
                  .string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    std::ofstream(file(), std::ios::binary) << bytes;
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::filesystem::remove_all(path_); }

  std::string file() const { return absl::StrCat(path_, "/table"); }

 private:
  std::string path_;
};

// Bytes of text, not of the file, if that is gzip.
void CountBytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
}

void ReadEdges(benchmark::State& state, const std::string& bytes) {
  const TextFile file(bytes);
  std::vector<int64_t> edges;
  for (auto _ : state) {
    auto reader = NumberTableReader::Open(file.file(), {.non_negative = true});
    if (!reader.ok()) std::abort();
    while (true) {
      const auto rows = (*reader)->ReadIntegers(kRowsAtOnce, &edges);
      if (!rows.ok()) std::abort();
      if (*rows == 0) break;
      benchmark::DoNotOptimize(edges.data());
    }
  }
}

void BM_Edges(benchmark::State& state) {
  const std::string text = EdgesText("");
  ReadEdges(state, text);
  CountBytes(state, text.size());
}
BENCHMARK(BM_Edges)->Unit(benchmark::kMillisecond);

void BM_EdgesInQuotes(benchmark::State& state) {
  const std::string text = EdgesText("\"");
  ReadEdges(state, text);
  CountBytes(state, text.size());
}
BENCHMARK(BM_EdgesInQuotes)->Unit(benchmark::kMillisecond);

void BM_EdgesGzip(benchmark::State& state) {
  const std::string text = EdgesText("");
  ReadEdges(state, testing::Gzipped(text));
  CountBytes(state, text.size());
}
BENCHMARK(BM_EdgesGzip)->Unit(benchmark::kMillisecond);

void BM_EdgesByGetlineAndStrtoll(benchmark::State& state) {
  const std::string text = EdgesText("");
  const TextFile file(text);
  for (auto _ : state) {
    std::ifstream stream(file.file());
    std::vector<int64_t> edges;
    std::string line;
    while (std::getline(stream, line)) {
      char* at = line.data();
      edges.push_back(std::strtoll(at, &at, 10));
      edges.push_back(std::strtoll(at + 1, &at, 10));
      if (edges.size() == 2 * kRowsAtOnce) {
        benchmark::DoNotOptimize(edges.data());
        edges.clear();
      }
    }
  }
  CountBytes(state, text.size());
}
BENCHMARK(BM_EdgesByGetlineAndStrtoll)->Unit(benchmark::kMillisecond);

void BM_Features(benchmark::State& state) {
  const std::string text = FeaturesText();
  const TextFile file(text);
  std::vector<double> rows_read;
  for (auto _ : state) {
    auto reader = NumberTableReader::Open(file.file());
    if (!reader.ok()) std::abort();
    while (true) {
      const auto rows = (*reader)->ReadReals(kRowsAtOnce, &rows_read);
      if (!rows.ok()) std::abort();
      if (*rows == 0) break;
      benchmark::DoNotOptimize(rows_read.data());
    }
  }
  CountBytes(state, text.size());
}
BENCHMARK(BM_Features)->Unit(benchmark::kMillisecond);

void BM_FeaturesByGetlineAndStrtod(benchmark::State& state) {
  const std::string text = FeaturesText();
  const TextFile file(text);
  for (auto _ : state) {
    std::ifstream stream(file.file());
    std::vector<double> row;
    std::string line;
    while (std::getline(stream, line)) {
      row.clear();
      char* at = line.data();
      for (int i = 0; i < kFeatures; ++i) {
        row.push_back(std::strtod(at, &at));
        ++at;
      }
      benchmark::DoNotOptimize(row.data());
    }
  }
  CountBytes(state, text.size());
}
BENCHMARK(BM_FeaturesByGetlineAndStrtod)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead
