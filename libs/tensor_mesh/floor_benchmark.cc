// What moving the bytes of an exchange costs without a mesh.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "libs/tensor_mesh/benchmark_support.h"
#include "libs/tensor_mesh/mesh_trace.h"

namespace fairlead {
namespace {

// The bytes that one exchange of all four members writes over shared memory
// (four replies; pushes lie in mesh memory), by as many threads as there are
// servers, each to its own two places.
void BM_MemcpyFloor(benchmark::State& state) {
  constexpr size_t kBytes = kWorkers * kReplyBytes;
  auto* memory = static_cast<uint8_t*>(mmap(nullptr, kReplyBytes + kBytes,
                                            PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::memset(memory, 1, kReplyBytes + kBytes);
  Latencies latencies;
  for ([[maybe_unused]] auto _ : state) {
    const int64_t begin = MeshNanoseconds();
    for (size_t i = 0; i < kWorkers; ++i) {
      std::memcpy(memory + (i + 1) * kReplyBytes, memory, kReplyBytes);
      benchmark::ClobberMemory();
    }
    latencies.Add(MeshNanoseconds() - begin);
  }
  if (state.thread_index() == 0) latencies.Report(state);
  munmap(memory, kReplyBytes + kBytes);
}
BENCHMARK(BM_MemcpyFloor)->Threads(kServers)->UseRealTime();

// A pair of connected TCP sockets over loopback.
std::pair<int, int> TcpPair() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, any, size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, any, &size) != 0) {
    Die("no loopback");
  }
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, any, size) != 0) Die("no connection");
  const int server = accept(listener, nullptr, nullptr);
  close(listener);
  const int yes = 1;
  for (const int fd : {client, server}) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  }
  return {client, server};
}

bool SendAll(int fd, const std::vector<uint8_t>& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count =
        send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}
bool ReceiveAll(int fd, std::vector<uint8_t>& bytes) {
  for (size_t got = 0; got < bytes.size();) {
    const ssize_t count = recv(fd, bytes.data() + got, bytes.size() - got, 0);
    if (count <= 0) return false;
    got += static_cast<size_t>(count);
  }
  return true;
}

// The same exchange with blocking sockets and nothing else.
void RunTcpFloor(benchmark::State& state, uint32_t workers, uint32_t servers,
                 uint64_t push_bytes, uint64_t reply_bytes) {
  std::vector<std::vector<std::pair<int, int>>> links(workers);
  for (auto& of_worker : links) {
    for (uint32_t i = 0; i < servers; ++i) of_worker.push_back(TcpPair());
  }
  // A process has its own ends only, so that an end is seen.
  const auto keep = [&links](int64_t worker, int64_t server) {
    for (size_t w = 0; w < links.size(); ++w) {
      for (size_t s = 0; s < links[w].size(); ++s) {
        if (static_cast<int64_t>(w) != worker) close(links[w][s].first);
        if (static_cast<int64_t>(s) != server) close(links[w][s].second);
      }
    }
  };
  const auto ask = [&](uint32_t worker) {
    static std::vector<uint8_t> push;
    static std::vector<uint8_t> reply;
    push.resize(push_bytes);
    reply.resize(reply_bytes);
    for (const auto& link : links[worker]) {
      if (!SendAll(link.first, push)) return false;
    }
    return std::all_of(
        links[worker].begin(), links[worker].end(),
        [](const auto& link) { return ReceiveAll(link.first, reply); });
  };
  Children children;
  for (uint32_t rank = 0; rank < servers; ++rank) {
    children.Fork([&] {
      keep(-1, rank);
      std::vector<uint8_t> push(push_bytes);
      const std::vector<uint8_t> reply(reply_bytes);
      while (true) {
        for (const auto& of_worker : links) {
          if (!ReceiveAll(of_worker[rank].second, push)) return;
        }
        for (const auto& of_worker : links) {
          if (!SendAll(of_worker[rank].second, reply)) return;
        }
      }
    });
  }
  for (uint32_t rank = 1; rank < workers; ++rank) {
    children.Fork([&] {
      keep(rank, -1);
      while (ask(rank)) {
      }
    });
  }
  keep(0, -1);
  for (int i = 0; i < 50; ++i) ask(0);
  Latencies latencies;
  for ([[maybe_unused]] auto _ : state) {
    const int64_t begin = MeshNanoseconds();
    if (!ask(0)) Die("the floor broke");
    latencies.Add(MeshNanoseconds() - begin);
  }
  latencies.Report(state);
  for (const auto& link : links[0]) close(link.first);
}

void BM_TcpFloorLarge(benchmark::State& state) {
  RunTcpFloor(state, kWorkers, kServers, kPushBytes, kReplyBytes);
}
BENCHMARK(BM_TcpFloorLarge)->UseRealTime()->MinTime(2);
void BM_TcpFloorSmall(benchmark::State& state) {
  RunTcpFloor(state, 1, 1, 64, 64);
}
BENCHMARK(BM_TcpFloorSmall)->UseRealTime();

}  // namespace
}  // namespace fairlead
