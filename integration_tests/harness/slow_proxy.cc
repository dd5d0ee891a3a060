#include "integration_tests/harness/slow_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/sync/mutex.h"

namespace fairlead::testing {
namespace {

// Small, or the kernel would hold what the link has yet to carry.
constexpr int kSocketBytes = 64 << 10;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int NewSocket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBytes, sizeof(kSocketBytes));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof(kSocketBytes));
  return fd;
}

bool SendAll(int to, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Gives what it is sent to a socket, so much later. One thread of its own.
class LongLine {
 public:
  // `from` is shut down if nothing more can be sent.
  LongLine(int from, int to, absl::Duration length)
      : from_(from), to_(to), length_(length), thread_([this] { Run(); }) {}

  // Gives what is under way first.
  ~LongLine() {
    {
      MutexLock lock(&mutex_);
      ended_ = true;
    }
    thread_.join();
  }

  // Waits while as much is under way as a window of TCP's might be.
  void Send(absl::string_view bytes) {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &LongLine::HasRoom));
    on_the_way_ += bytes.size();
    pieces_.push_back({absl::Now() + length_, std::string(bytes)});
  }

 private:
  struct Piece {
    absl::Time due;
    std::string bytes;
  };

  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return on_the_way_ < (size_t{16} << 20);
  }
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_ || !pieces_.empty();
  }

  void Run() {
    bool is_cut = false;
    while (true) {
      Piece piece;
      {
        MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &LongLine::HasNews));
        if (pieces_.empty()) return;
        piece = std::move(pieces_.front());
        pieces_.pop_front();
        on_the_way_ -= piece.bytes.size();
      }
      if (is_cut) continue;
      absl::SleepFor(piece.due - absl::Now());
      if (SendAll(to_, piece.bytes)) continue;
      is_cut = true;
      shutdown(from_, SHUT_RDWR);
    }
  }

  const int from_;
  const int to_;
  const absl::Duration length_;
  Mutex mutex_;
  std::deque<Piece> pieces_ ABSL_GUARDED_BY(mutex_);
  size_t on_the_way_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SlowProxy>> SlowProxy::Start(
    const std::string& server, const Link& link) {
  std::unique_ptr<SlowProxy> proxy(new SlowProxy(server, link));
  proxy->listener_ = NewSocket();
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(proxy->listener_, generic, size) != 0 ||
      listen(proxy->listener_, SOMAXCONN) != 0 ||
      getsockname(proxy->listener_, generic, &size) != 0) {
    return absl::InternalError("no port for a proxy");
  }
  proxy->address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  proxy->acceptor_ = std::thread([p = proxy.get()] { p->Accept(); });
  return proxy;
}

SlowProxy::~SlowProxy() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  if (acceptor_.joinable()) acceptor_.join();
  {
    MutexLock lock(&mutex_);
    for (const int fd : fds_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& pump : pumps_) pump.join();
  MutexLock lock(&mutex_);
  for (const int fd : fds_) close(fd);
  close(listener_);
}

void SlowProxy::Keep(int fd) {
  MutexLock lock(&mutex_);
  fds_.push_back(fd);
}

void SlowProxy::Accept() {
  int port = 0;
  if (!absl::SimpleAtoi(server_.substr(server_.rfind(':') + 1), &port)) return;
  while (!stopping_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    Keep(client);
    const int server = NewSocket();
    Keep(server);
    const sockaddr_in address = Loopback(static_cast<uint16_t>(port));
    if (connect(server, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      shutdown(client, SHUT_RDWR);
      continue;
    }
    pumps_.emplace_back([this, client, server] { Pump(client, server, {}); });
    pumps_.emplace_back(
        [this, client, server] { Pump(server, client, link_); });
  }
}

void SlowProxy::Pump(int from, int to, const Link& link) {
  std::optional<LongLine> line;
  if (link.length > absl::ZeroDuration()) line.emplace(from, to, link.length);
  std::string buffer(16 << 10, 0);
  while (!stopping_) {
    const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    if (link.bytes_per_second > 0) {
      // As long as the link is busy with these.
      absl::SleepFor(absl::Seconds(static_cast<double>(got) /
                                   static_cast<double>(link.bytes_per_second)));
    }
    const auto bytes =
        absl::string_view(buffer).substr(0, static_cast<size_t>(got));
    if (line.has_value()) {
      line->Send(bytes);
    } else if (!SendAll(to, bytes)) {
      shutdown(from, SHUT_RDWR);
      return;
    }
  }
  line.reset();  // once all of it is there
  shutdown(to, SHUT_RDWR);
}

}  // namespace fairlead::testing
