#include "integration_tests/harness/slow_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

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

}  // namespace

absl::StatusOr<std::unique_ptr<SlowProxy>> SlowProxy::Start(
    const std::string& server, uint64_t bytes_per_second) {
  std::unique_ptr<SlowProxy> proxy(new SlowProxy(server, bytes_per_second));
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
    pumps_.emplace_back([this, client, server] { Pump(client, server, 0); });
    pumps_.emplace_back(
        [this, client, server] { Pump(server, client, bytes_per_second_); });
  }
}

void SlowProxy::Pump(int from, int to, uint64_t bytes_per_second) {
  std::vector<char> buffer(16 << 10);
  while (!stopping_) {
    const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    if (bytes_per_second > 0) {
      // As long as the link is busy with these.
      absl::SleepFor(absl::Seconds(static_cast<double>(got) /
                                   static_cast<double>(bytes_per_second)));
    }
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t some =
          send(to, buffer.data() + sent, got - sent, MSG_NOSIGNAL);
      if (some <= 0) {
        shutdown(from, SHUT_RDWR);
        return;
      }
      sent += some;
    }
  }
  shutdown(to, SHUT_RDWR);
}

}  // namespace fairlead::testing
