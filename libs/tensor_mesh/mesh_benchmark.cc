// What the mesh costs between processes of one host, next to what moving the
// bytes costs without it. This process is worker 0; the others are forked.

#include <sched.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "libs/tensor_mesh/benchmark_support.h"
#include "libs/tensor_mesh/folder_rendezvous.h"
#include "libs/tensor_mesh/in_memory_rendezvous.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_rendezvous.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_trace.h"
#include "libs/tensor_mesh/mesh_worker.h"

namespace fairlead {
namespace {

using Transports = MeshConfig::Transports;

class TempFolder {
 public:
  TempFolder() : path_("/dev/shm/fairlead-bench-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) Die("mkdtemp");
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

MeshTensorBuffer BytesOf(const MeshMemory& memory) {
  return {.dtype = v1::DTYPE_UINT8,
          .shape = {static_cast<int64_t>(memory.bytes.size())},
          .bytes = memory.bytes,
          .owner = memory.owner};
}
MeshTensorView AsView(const MeshTensorBuffer& buffer) {
  return {buffer.dtype, buffer.shape, buffer.bytes, buffer.owner};
}
// Private memory, touched.
MeshTensorBuffer PrivateBytes(uint64_t bytes) {
  auto memory = std::make_shared<std::vector<uint8_t>>(bytes, 1);
  return BytesOf({absl::MakeSpan(*memory), memory});
}

struct Setting {
  Transports transports = Transports::kShmOnly;
  uint32_t workers = 1;
  uint32_t servers = 1;
  uint64_t push_bytes = 0;
  uint64_t reply_bytes = 0;
  bool in_mesh_memory = false;
  bool is_bound = false;  // each server to a core
  absl::Duration spin;
};

void BindToCore(uint32_t number) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(number % std::thread::hardware_concurrency(), &cores);
  if (sched_setaffinity(0, sizeof(cores), &cores) != 0) Die("no such core");
}

MeshConfig ConfigOf(const Setting& setting, const TempFolder& folder) {
  return {.num_workers = setting.workers,
          .num_servers = setting.servers,
          .transports = setting.transports,
          .shm_dir = folder.path() + "/shm",
          .spin = setting.spin};
}

std::shared_ptr<MeshRendezvous> Join(const TempFolder& folder,
                                     uint32_t member) {
  return OrDie(FolderRendezvous::Join(folder.path(), member));
}

void Serve(MeshConfig config, const Setting& setting, uint32_t rank,
           const TempFolder& folder) {
  if (setting.is_bound) BindToCore(rank);
  config.role = MeshRole::kServer;
  config.rank = rank;
  auto server = OrDie(
      MeshServer::Create(config, Join(folder, config.num_workers + rank)));
  const MeshTensorView reply = AsView(PrivateBytes(setting.reply_bytes));
  while (true) {
    const auto batch = server->GetBatch();
    if (!batch.ok()) return;
    for (const MeshServerRequest& request : batch->requests) {
      server->Respond({reply}, request.handler).IgnoreError();
    }
  }
}

// One end of the exchange, again and again.
class Asker {
 public:
  Asker(MeshWorker& worker, const Setting& setting) : worker_(worker) {
    const auto make = [&](uint64_t bytes) {
      return setting.in_mesh_memory
                 ? BytesOf(OrDie(worker.AllocateBuffer(bytes)))
                 : PrivateBytes(bytes);
    };
    push_ = AsView(make(setting.push_bytes));
    for (uint64_t i = 0; i < setting.servers; ++i) {
      pulls_.push_back({i, make(setting.reply_bytes)});
    }
  }

  absl::Status Ask() {
    auto handler = worker_.PushPull({{0, push_}}, pulls_);
    if (!handler.ok()) return handler.status();
    last_ = *handler;
    return worker_.Wait(*handler);
  }
  MeshTrace trace() const { return OrDie(worker_.FetchTrace(last_))[0]; }

 private:
  MeshWorker& worker_;
  MeshTensorView push_;
  std::vector<MeshPull> pulls_;
  MeshHandler last_ = 0;
};

void RunRoundTrips(benchmark::State& state, const Setting& setting) {
  const TempFolder folder;
  MeshConfig config = ConfigOf(setting, folder);
  Children children;
  for (uint32_t rank = 0; rank < setting.servers; ++rank) {
    children.Fork([&] { Serve(config, setting, rank, folder); });
  }
  for (uint32_t rank = 1; rank < setting.workers; ++rank) {
    children.Fork([&] {
      config.rank = rank;
      auto worker = OrDie(MeshWorker::Create(config, Join(folder, rank)));
      Asker asker(*worker, setting);
      while (asker.Ask().ok()) {
      }
    });
  }
  auto worker = OrDie(MeshWorker::Create(config, Join(folder, 0)));
  Asker asker(*worker, setting);
  for (int i = 0; i < 50; ++i) OrDie(asker.Ask());
  Latencies latencies;
  for ([[maybe_unused]] auto _ : state) {
    const int64_t begin = MeshNanoseconds();
    OrDie(asker.Ask());
    latencies.Add(MeshNanoseconds() - begin);
  }
  latencies.Report(state);
  const MeshTrace trace = asker.trace();
  state.counters["send_us"] = static_cast<double>(trace.request_send()) / 1e3;
  state.counters["reply_us"] = static_cast<double>(trace.reply_send()) / 1e3;
}

Setting Large(Transports transports, bool in_mesh_memory,
              bool is_bound = false) {
  return {.transports = transports,
          .workers = kWorkers,
          .servers = kServers,
          .push_bytes = kPushBytes,
          .reply_bytes = kReplyBytes,
          .in_mesh_memory = in_mesh_memory,
          .is_bound = is_bound,
          .spin = absl::Microseconds(20)};
}

// Argument: whether each server is bound to a core. With fewer cores than
// processes the kernel may put both on one, and leave them there.
void BM_LargeOverShm(benchmark::State& state) {
  RunRoundTrips(state, Large(Transports::kShmOnly, /*in_mesh_memory=*/true,
                             /*is_bound=*/state.range(0) != 0));
}
BENCHMARK(BM_LargeOverShm)
    ->ArgName("bound")
    ->Arg(0)
    ->Arg(1)
    ->UseRealTime()
    ->MinTime(2);

void BM_LargeOverShmFromPrivateMemory(benchmark::State& state) {
  RunRoundTrips(state, Large(Transports::kShmOnly, /*in_mesh_memory=*/false));
}
BENCHMARK(BM_LargeOverShmFromPrivateMemory)->UseRealTime()->MinTime(2);

void BM_LargeOverTcp(benchmark::State& state) {
  RunRoundTrips(state, Large(Transports::kTcpOnly, /*in_mesh_memory=*/false));
}
BENCHMARK(BM_LargeOverTcp)->UseRealTime()->MinTime(2);

// 64 bytes there and back, one worker and one server; argument: how long both
// may spin, in microseconds.
void RunSmall(benchmark::State& state, Transports transports) {
  RunRoundTrips(state, {.transports = transports,
                        .push_bytes = 64,
                        .reply_bytes = 64,
                        .spin = absl::Microseconds(state.range(0))});
}
void BM_SmallOverShm(benchmark::State& state) {
  RunSmall(state, Transports::kShmOnly);
}
BENCHMARK(BM_SmallOverShm)->Arg(1000)->Arg(20)->Arg(0)->UseRealTime();
void BM_SmallOverTcp(benchmark::State& state) {
  RunSmall(state, Transports::kTcpOnly);
}
BENCHMARK(BM_SmallOverTcp)->Arg(1000)->Arg(20)->UseRealTime();

// What the software of both ends takes: one thread does all there is to do of
// a push and a pull of 64 bytes, so nobody waits for anybody.
void BM_BothEndsOnOneThread(benchmark::State& state) {
  const TempFolder folder;
  const Setting setting{.push_bytes = 64, .reply_bytes = 64};
  MeshConfig config = ConfigOf(setting, folder);
  auto meeting = std::make_shared<InMemoryRendezvous::Meeting>();
  std::unique_ptr<MeshServer> server;
  std::thread start([&] {
    MeshConfig of_server = config;
    of_server.role = MeshRole::kServer;
    server = OrDie(MeshServer::Create(
        of_server, std::make_shared<InMemoryRendezvous>(meeting, 1)));
  });
  auto worker = OrDie(MeshWorker::Create(
      config, std::make_shared<InMemoryRendezvous>(meeting, 0)));
  start.join();
  const MeshTensorView push = AsView(PrivateBytes(64));
  const MeshTensorBuffer pull = PrivateBytes(64);
  for ([[maybe_unused]] auto _ : state) {
    const MeshHandler handler =
        OrDie(worker->PushPull({{0, push}}, {{0, pull}}));
    const MeshServer::Batch batch = OrDie(server->GetBatch());
    OrDie(server->Respond({push}, batch.requests[0].handler));
    OrDie(worker->Wait(handler));
  }
}
BENCHMARK(BM_BothEndsOnOneThread);

}  // namespace
}  // namespace fairlead
