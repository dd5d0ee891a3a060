#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libs/random/philox.h"
#include "tools/bench/floors.h"
#include "tools/bench/process_usage.h"

namespace fairlead::bench {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kRow = 512;  // 128 float32
constexpr size_t kRowsAhead = 16;
constexpr size_t kReads = 200'000;
constexpr size_t kSmallCopy = size_t{1} << 20;
constexpr size_t kLargeCopy = size_t{256} << 20;

// Keeps what is computed.
void Use(uint64_t value) { asm volatile("" : : "r"(value) : "memory"); }

// CPU seconds that one call takes, of as many as fill `seconds`.
double Time(double seconds, const std::function<void()>& call) {
  call();  // warm
  const double start = CpuSecondsOfThisThread();
  double spent = 0;
  int calls = 0;
  do {
    call();
    ++calls;
    spent = CpuSecondsOfThisThread() - start;
  } while (spent < seconds);
  return spent / calls;
}

std::vector<uint64_t> RandomPlaces(size_t below, uint64_t key) {
  RandomStream random(key, 0, 0);
  std::vector<uint64_t> places(kReads);
  for (uint64_t& place : places) place = random.Below(below);
  return places;
}

double CopyRate(double seconds, std::vector<uint8_t>& from,
                std::vector<uint8_t>& to) {
  const double each = Time(seconds, [&] {
    std::memcpy(to.data(), from.data(), from.size());
    Use(to[to.size() / 2]);
  });
  return static_cast<double>(from.size()) / each;
}

// Each read begins when the one before it has ended.
double DependentRead(double seconds, const std::vector<uint8_t>& table,
                     uint64_t key) {
  const std::vector<uint64_t> places = RandomPlaces(table.size() / kLine, key);
  uint64_t last = 0;
  return Time(seconds,
              [&] {
                for (const uint64_t place : places) {
                  // The table holds zeros: the place is the same, but the
                  // processor cannot know.
                  uint64_t value = 0;
                  std::memcpy(&value, table.data() + (place + last) * kLine,
                              sizeof(value));
                  last = value;
                }
                Use(last);
              }) /
         static_cast<double>(kReads);
}

double IndependentRead(double seconds, const std::vector<uint8_t>& table,
                       uint64_t key) {
  const std::vector<uint64_t> places = RandomPlaces(table.size() / kLine, key);
  return Time(seconds,
              [&] {
                uint64_t sum = 0;
                for (const uint64_t place : places) {
                  uint64_t value = 0;
                  std::memcpy(&value, table.data() + place * kLine,
                              sizeof(value));
                  sum += value;
                }
                Use(sum);
              }) /
         static_cast<double>(kReads);
}

// Rows that are known ahead, one after another into a buffer as large as a
// batch's.
double GatherRate(double seconds, const std::vector<uint8_t>& table,
                  uint64_t key) {
  const std::vector<uint64_t> rows = RandomPlaces(table.size() / kRow, key);
  std::vector<uint8_t> out(rows.size() * kRow, 1);
  const double each = Time(seconds, [&] {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i + kRowsAhead < rows.size()) {
        const uint8_t* ahead = table.data() + rows[i + kRowsAhead] * kRow;
        for (size_t line = 0; line < kRow; line += kLine) {
          __builtin_prefetch(ahead + line);
        }
      }
      std::memcpy(out.data() + i * kRow, table.data() + rows[i] * kRow, kRow);
    }
    Use(out[out.size() / 2]);
  });
  return static_cast<double>(out.size()) / each;
}

}  // namespace

std::vector<Floor> MemoryFloors(const FloorOptions& options) {
  std::vector<Floor> floors = {
      {"memcpy_cached", "memcpy of 1 MiB, in cache", "bytes/s", {}},
      {"memcpy_dram", "memcpy of 256 MiB, from and to DRAM", "bytes/s", {}},
      {"random_read_dependent",
       "a random 64-byte line, each after the one before it",
       "s",
       {}},
      {"random_read_independent",
       "a random 64-byte line, many under way",
       "s",
       {}},
      {"gather_512",
       "a gather of random 512-byte rows, prefetched, by a loop of its own",
       "bytes/s",
       {}},
  };
  std::vector<uint8_t> small_from(kSmallCopy, 1);
  std::vector<uint8_t> small_to(kSmallCopy, 2);
  const size_t large = std::min(kLargeCopy, options.table_bytes / 2);
  std::vector<uint8_t> large_from(large, 1);
  std::vector<uint8_t> large_to(large, 2);
  std::vector<uint8_t> table(options.table_bytes, 0);
  for (int round = 0; round < options.rounds; ++round) {
    const auto key = static_cast<uint64_t>(round) + 1;
    if (options.on_progress != nullptr) options.on_progress("memory");
    const double seconds = options.seconds;
    floors[0].values.push_back(CopyRate(seconds, small_from, small_to));
    floors[1].values.push_back(CopyRate(seconds, large_from, large_to));
    floors[2].values.push_back(DependentRead(seconds, table, key));
    floors[3].values.push_back(IndependentRead(seconds, table, key));
    floors[4].values.push_back(GatherRate(seconds, table, key));
  }
  return floors;
}

}  // namespace fairlead::bench
