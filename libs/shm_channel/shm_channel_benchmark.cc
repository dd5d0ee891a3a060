// What the channel costs, between processes: this one consumes, forked ones
// produce. Every byte is written in place and every cache line read.

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/shm_channel/crash_note.h"
#include "libs/shm_channel/shm_channel.h"

namespace fairlead {
namespace {

constexpr absl::Duration kForever = absl::InfiniteDuration();

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void Die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  _exit(1);
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die(value.status().ToString());
  return *std::move(value);
}

uint64_t TouchEveryLine(absl::Span<const uint8_t> bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 64) sum += bytes[i];
  return sum;
}

// A channel, this process its consumer, and others that run `produce` on it.
class ChannelOfProcesses {
 public:
  template <typename Produce>
  ChannelOfProcesses(uint64_t capacity_bytes, uint32_t max_messages,
                     int producers, const Produce& produce) {
    creator_ = OrDie(ShmProducer::Create(
        {.capacity_bytes = capacity_bytes, .max_messages = max_messages}));
    for (int i = 0; i < producers; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        produce(*OrDie(ShmProducer::Open("/dev/shm", creator_->name())));
        _exit(0);
      }
      children_.push_back(child);
    }
    consumer_ = OrDie(ShmConsumer::Open("/dev/shm", creator_->name()));
  }
  ~ChannelOfProcesses() {
    creator_->Close();
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }
  ChannelOfProcesses(const ChannelOfProcesses&) = delete;
  ChannelOfProcesses& operator=(const ChannelOfProcesses&) = delete;

  ShmConsumer& consumer() { return *consumer_; }

 private:
  std::unique_ptr<ShmProducer> creator_;
  std::unique_ptr<ShmConsumer> consumer_;
  std::vector<pid_t> children_;
};

// Messages of the first argument's bytes from the second's producers, of
// which the third's may be in the channel.
void BM_Throughput(benchmark::State& state) {
  const auto bytes = static_cast<uint64_t>(state.range(0));
  ChannelOfProcesses channel(
      std::max<uint64_t>(8 * bytes, 1 << 20),
      static_cast<uint32_t>(state.range(2)), static_cast<int>(state.range(1)),
      [bytes](ShmProducer& producer) {
        for (int fill = 0;; ++fill) {
          auto space = producer.Reserve(bytes, kForever);
          if (!space.ok()) return;
          std::memset(space->bytes().data(), fill, bytes);
          if (!space->Commit({}).ok()) return;
        }
      });
  for (int i = 0; i < 100; ++i) OrDie(channel.consumer().Receive(kForever));
  for ([[maybe_unused]] auto _ : state) {
    const ShmMessage message = OrDie(channel.consumer().Receive(kForever));
    benchmark::DoNotOptimize(TouchEveryLine(message.bytes()));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Throughput)
    ->ArgNames({"bytes", "producers", "max_messages"})
    ->ArgsProduct({{1 << 10, 64 << 10, 1 << 20, 16 << 20}, {1, 4}, {64}})
    ->ArgsProduct({{1 << 10}, {1, 4}, {512}})
    ->UseRealTime();

// What there is to compare with: the same bytes, written to private memory of
// the same size by one thread, which nobody reads.
void BM_PrivateWrite(benchmark::State& state) {
  const auto bytes = static_cast<uint64_t>(state.range(0));
  std::vector<uint8_t> memory(std::max<uint64_t>(8 * bytes, 1 << 20));
  uint64_t offset = 0;
  int fill = 0;
  for ([[maybe_unused]] auto _ : state) {
    std::memset(memory.data() + offset, ++fill, bytes);
    benchmark::ClobberMemory();
    offset = offset + 2 * bytes > memory.size() ? 0 : offset + bytes;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_PrivateWrite)
    ->ArgName("bytes")
    ->Arg(1 << 10)
    ->Arg(64 << 10)
    ->Arg(1 << 20)
    ->Arg(16 << 20)
    ->UseRealTime();

// The floor of any hand-over through memory: two buffers and two flags, one
// process writes every byte, another reads a byte of every cache line, nobody
// does anything else.
void BM_HandOverByFlag(benchmark::State& state) {
  struct alignas(64) Flag {
    std::atomic<uint32_t> full{0};
  };
  const auto bytes = static_cast<size_t>(state.range(0));
  const size_t length = 2 * sizeof(Flag) + 2 * bytes;
  void* const shared = mmap(nullptr, length, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) Die("no memory");
  auto* const flags = new (shared) Flag[2];
  uint8_t* const buffers = static_cast<uint8_t*>(shared) + 2 * sizeof(Flag);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0;; i = 1 - i) {
      while (flags[i].full.load(std::memory_order_acquire) != 0) {
      }
      std::memset(buffers + static_cast<size_t>(i) * bytes, i, bytes);
      flags[i].full.store(1, std::memory_order_release);
    }
  }
  int i = 0;
  for ([[maybe_unused]] auto _ : state) {
    while (flags[i].full.load(std::memory_order_acquire) == 0) {
    }
    benchmark::DoNotOptimize(
        TouchEveryLine({buffers + static_cast<size_t>(i) * bytes, bytes}));
    flags[i].full.store(0, std::memory_order_release);
    i = 1 - i;
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  munmap(shared, length);
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_HandOverByFlag)
    ->ArgName("bytes")
    ->Arg(1 << 10)
    ->Arg(64 << 10)
    ->Arg(1 << 20)
    ->Arg(16 << 20)
    ->UseRealTime();

// The time from before Reserve to after Receive of a 1 KiB message that finds
// its consumer waiting. The argument is the pause between messages: short ones
// find it spinning, long ones asleep.
void BM_OneWayLatency(benchmark::State& state) {
  const int64_t pause_ns = state.range(0) * 1000;
  ChannelOfProcesses channel(1 << 20, 64, 1, [pause_ns](ShmProducer& producer) {
    while (true) {
      const int64_t until = NowNs() + pause_ns;
      if (pause_ns > 50'000) {
        const timespec pause{.tv_sec = 0, .tv_nsec = pause_ns};
        nanosleep(&pause, nullptr);
      }
      int64_t now = NowNs();
      while (now < until) now = NowNs();
      auto space = producer.Reserve(1024, kForever);
      if (!space.ok()) return;
      std::memset(space->bytes().data(), 1, 1024);
      if (!space->Commit({static_cast<uint64_t>(now)}).ok()) return;
    }
  });
  std::vector<int64_t> latencies;
  for ([[maybe_unused]] auto _ : state) {
    const ShmMessage message = OrDie(channel.consumer().Receive(kForever));
    benchmark::DoNotOptimize(TouchEveryLine(message.bytes()));
    latencies.push_back(NowNs() - static_cast<int64_t>(message.tag()[0]));
  }
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&latencies](double share) {
    return static_cast<double>(latencies[static_cast<size_t>(
               share * static_cast<double>(latencies.size() - 1))]) *
           1e-9;
  };
  state.counters["p50_s"] = at(0.5);
  state.counters["p99_s"] = at(0.99);
}
BENCHMARK(BM_OneWayLatency)
    ->ArgName("pause_us")
    ->Arg(5)
    ->Arg(500)
    ->UseRealTime();

// CPU time of a process that waits for a message that does not come.
void BM_IdleConsumer(benchmark::State& state) {
  const auto producer = OrDie(ShmProducer::Create({}));
  const auto consumer = OrDie(ShmConsumer::Open("/dev/shm", producer->name()));
  const auto cpu_seconds = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec +
                                      usage.ru_stime.tv_usec);
  };
  const double before = cpu_seconds();
  double waited = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(consumer->Receive(absl::Seconds(1)));
    waited += 1;
  }
  state.counters["cpu_share"] = (cpu_seconds() - before) / waited;
}
BENCHMARK(BM_IdleConsumer)->Iterations(3)->UseRealTime();

// One thread at both ends: what the instructions cost, without any transfer of
// cache lines.
void BM_SendAndReceiveInOneThread(benchmark::State& state) {
  const auto producer = OrDie(ShmProducer::Create({}));
  const auto consumer = OrDie(ShmConsumer::OpenInProcess(*producer));
  for ([[maybe_unused]] auto _ : state) {
    ShmReservation space = OrDie(producer->Reserve(1024, kForever));
    if (!space.Commit({}).ok()) Die("not committed");
    OrDie(consumer->Receive(kForever));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SendAndReceiveInOneThread);

// What a worker pays for each batch, so that the next process knows of it.
void BM_NoteOneInHand(benchmark::State& state) {
  const auto note = OrDie(CrashNote::Open("/dev/shm", /*owner=*/1, 4));
  CrashNote::Work work = {};
  for ([[maybe_unused]] auto _ : state) {
    ++work[2];
    note->Begin(1, work);
    note->End(1);
  }
}
BENCHMARK(BM_NoteOneInHand);

}  // namespace
}  // namespace fairlead
