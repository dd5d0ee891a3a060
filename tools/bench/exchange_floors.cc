#include <arpa/inet.h>
#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/status/status_macros.h"
#include "tools/bench/floors.h"
#include "tools/bench/statistics.h"

namespace fairlead::bench {
namespace {

constexpr size_t kWrite = size_t{1} << 20;
constexpr size_t kPing = 64;
constexpr int kTrips = 2000;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status ErrnoStatus(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(errno)));
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}
double CpuSeconds(int who) {
  rusage usage = {};
  getrusage(who, &usage);
  return SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime);
}

bool SendAll(int fd, const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}
bool ReceiveAll(int fd, uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, data, size, 0);
    if (got <= 0) return false;
    data += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// Runs `there` in a child process at one end of a loopback connection, and
// `here` at the other; returns when both have ended.
absl::Status OverLoopback(const std::function<void(int)>& here,
                          const std::function<void(int)>& there) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener.get() < 0 || bind(listener.get(), generic, length) != 0 ||
      listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), generic, &length) != 0) {
    return ErrnoStatus("loopback");
  }
  const pid_t child = fork();
  if (child < 0) return ErrnoStatus("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, generic, length) == 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      there(fd);
    }
    _exit(0);
  }
  absl::Status status;
  {
    const Fd fd(accept(listener.get(), nullptr, nullptr));
    if (fd.get() < 0) {
      status = ErrnoStatus("accept");
    } else {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      here(fd.get());
    }
  }  // closed: the child's next read ends it
  waitpid(child, nullptr, 0);
  return status;
}

struct Stream {
  double bytes_per_s = 0;
  double send_s_per_byte = 0;     // CPU
  double receive_s_per_byte = 0;  // CPU, of the child
};
absl::StatusOr<Stream> MeasureStream(double seconds) {
  Stream stream;
  double bytes = 0;
  const double child_before = CpuSeconds(RUSAGE_CHILDREN);
  double cpu = 0;
  FAIRLEAD_RETURN_IF_ERROR(OverLoopback(
      [&](int fd) {
        const RealClock clock;
        const std::vector<uint8_t> data(kWrite, 1);
        const double before = CpuSeconds(RUSAGE_SELF);
        const absl::Duration start = clock.MonotonicNow();
        const absl::Duration end = start + absl::Seconds(seconds);
        while (clock.MonotonicNow() < end && SendAll(fd, data.data(), kWrite)) {
          bytes += kWrite;
        }
        stream.bytes_per_s =
            bytes / absl::ToDoubleSeconds(clock.MonotonicNow() - start);
        cpu = CpuSeconds(RUSAGE_SELF) - before;
      },
      [](int fd) {
        std::vector<uint8_t> data(kWrite, 0);
        while (recv(fd, data.data(), data.size(), 0) > 0) {
        }
      }));
  if (!(bytes > 0)) return absl::UnavailableError("loopback: sent nothing");
  stream.send_s_per_byte = cpu / bytes;
  stream.receive_s_per_byte =
      (CpuSeconds(RUSAGE_CHILDREN) - child_before) / bytes;
  return stream;
}

// Seconds of each round trip of 64 bytes.
absl::StatusOr<std::vector<double>> MeasureRoundTrips() {
  std::vector<double> trips;
  FAIRLEAD_RETURN_IF_ERROR(OverLoopback(
      [&](int fd) {
        const RealClock clock;
        uint8_t data[kPing] = {};
        for (int i = 0; i < kTrips; ++i) {
          const absl::Duration start = clock.MonotonicNow();
          if (!SendAll(fd, data, kPing) || !ReceiveAll(fd, data, kPing)) break;
          trips.push_back(absl::ToDoubleSeconds(clock.MonotonicNow() - start));
        }
      },
      [](int fd) {
        uint8_t data[kPing] = {};
        while (ReceiveAll(fd, data, kPing) && SendAll(fd, data, kPing)) {
        }
      }));
  if (trips.empty()) return absl::UnavailableError("loopback: no round trip");
  return trips;
}

// A word that two processes sleep on in turn.
class Turn {
 public:
  explicit Turn(std::atomic<uint32_t>* word) : word_(word) {}
  void AwaitNot(uint32_t value) const {
    while (word_->load(std::memory_order_acquire) == value) {
      syscall(SYS_futex, word_, FUTEX_WAIT, value, nullptr, nullptr, 0);
    }
  }
  void Set(uint32_t value) const {
    word_->store(value, std::memory_order_release);
    syscall(SYS_futex, word_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  uint32_t value() const { return word_->load(std::memory_order_acquire); }

 private:
  std::atomic<uint32_t>* word_;
};

// Seconds of each round trip through a futex: two wake-ups, both from sleep.
absl::StatusOr<std::vector<double>> MeasureFutex() {
  void* const memory =
      mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ErrnoStatus("mmap");
  const Turn turn(new (memory) std::atomic<uint32_t>(0));
  const pid_t child = fork();
  if (child < 0) return ErrnoStatus("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < kTrips; ++i) {
      turn.AwaitNot(0);
      turn.Set(0);
    }
    _exit(0);
  }
  const RealClock clock;
  std::vector<double> trips;
  for (int i = 0; i < kTrips; ++i) {
    const absl::Duration start = clock.MonotonicNow();
    turn.Set(1);
    turn.AwaitNot(1);
    trips.push_back(absl::ToDoubleSeconds(clock.MonotonicNow() - start));
  }
  waitpid(child, nullptr, 0);
  munmap(memory, sizeof(std::atomic<uint32_t>));
  return trips;
}

}  // namespace

absl::StatusOr<std::vector<Floor>> ExchangeFloors(const FloorOptions& options) {
  std::vector<Floor> floors = {
      {"tcp_stream",
       "loopback TCP, one stream, writes of 1 MiB",
       "bytes/s",
       {}},
      {"tcp_send_cpu", "CPU time of the sender for a GB of it", "s", {}},
      {"tcp_receive_cpu", "CPU time of the receiver for a GB of it", "s", {}},
      {"tcp_round_trip_p50",
       "loopback TCP, 64 bytes there and back, median",
       "s",
       {}},
      {"tcp_round_trip_p99", "the same, 99 %", "s", {}},
      {"futex_round_trip_p50",
       "a futex between processes, there and back, both asleep, median",
       "s",
       {}},
      {"futex_round_trip_p99", "the same, 99 %", "s", {}},
  };
  for (int round = 0; round < options.rounds; ++round) {
    if (options.on_progress != nullptr) options.on_progress("TCP and futex");
    FAIRLEAD_ASSIGN_OR_RETURN(const Stream stream,
                              MeasureStream(options.seconds));
    floors[0].values.push_back(stream.bytes_per_s);
    floors[1].values.push_back(stream.send_s_per_byte * 1e9);
    floors[2].values.push_back(stream.receive_s_per_byte * 1e9);
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<double> tcp,
                              MeasureRoundTrips());
    floors[3].values.push_back(Quantile(tcp, 0.5));
    floors[4].values.push_back(Quantile(tcp, 0.99));
    FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<double> futex, MeasureFutex());
    floors[5].values.push_back(Quantile(futex, 0.5));
    floors[6].values.push_back(Quantile(futex, 0.99));
  }
  return floors;
}

}  // namespace fairlead::bench
