#include "libs/tensor_mesh/tcp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/rpc/address.h"
#include "libs/status/status_macros.h"

namespace fairlead::internal {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

struct HostAndPort {
  std::string host;
  std::string port;
};

HostAndPort Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (absl::StartsWith(host, "[")) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

absl::StatusOr<Addresses> Resolve(const std::string& address) {
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddress("listen_address", address));
  const HostAndPort parts = Split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat(address, ": ", gai_strerror(error)));
  }
  return Addresses(found, &freeaddrinfo);
}

absl::Status Failed(const std::string& address, const char* what) {
  return absl::UnavailableError(
      absl::StrCat(address, ": ", what, ": ", strerror(errno)));
}

// Waits for `events`; false at the deadline.
bool WaitFor(int fd, short events, absl::Time deadline) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    const int64_t millis =
        std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 60'000);
    if (poll(&waiting, 1, static_cast<int>(millis)) > 0) return true;
  }
}

}  // namespace

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Listener> Listen(const std::string& address) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Addresses found, Resolve(address));
  Socket socket(::socket(found->ai_family,
                         SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (socket.fd() < 0 ||
      setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) !=
          0 ||
      bind(socket.fd(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(socket.fd(), SOMAXCONN) != 0 ||
      getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound), &size) !=
          0) {
    return Failed(address, "cannot be listened on");
  }
  const uint16_t port = bound.ss_family == AF_INET6
                            ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                            : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return Listener{.socket = std::move(socket),
                  .address = absl::StrCat(address.substr(0, address.rfind(':')),
                                          ":", ntohs(port))};
}

absl::StatusOr<Socket> ConnectTo(const std::string& address,
                                 absl::Time deadline) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Addresses to, Resolve(address));
  Socket socket(
      ::socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd() < 0) return Failed(address, "no socket");
  if (connect(socket.fd(), to->ai_addr, to->ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return Failed(address, "cannot be reached");
  if (!WaitFor(socket.fd(), POLLOUT, deadline)) {
    return absl::DeadlineExceededError(
        absl::StrCat(address, ": does not answer"));
  }
  socklen_t size = sizeof(errno);
  getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &errno, &size);
  if (errno != 0) return Failed(address, "cannot be reached");
  return socket;
}

absl::Status Prepare(const Socket& socket, absl::Duration timeout) {
  const int yes = 1;
  const int seconds =
      static_cast<int>(std::max<int64_t>(absl::ToInt64Seconds(timeout) / 4, 1));
  const int probes = 3;
  const int millis = static_cast<int>(absl::ToInt64Milliseconds(timeout));
  const int fd = socket.fd();
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) !=
          0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds)) !=
          0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &millis, sizeof(millis)) !=
          0) {
    return absl::UnavailableError(
        absl::StrCat("a connection cannot be set up: ", strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status SendAll(const Socket& socket, absl::string_view bytes,
                     absl::Time deadline) {
  while (!bytes.empty()) {
    const ssize_t sent =
        send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return absl::UnavailableError(strerror(errno));
    } else if (!WaitFor(socket.fd(), POLLOUT, deadline)) {
      return absl::DeadlineExceededError("it does not read");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReceiveExactly(const Socket& socket, size_t bytes,
                                           absl::Time deadline) {
  std::string received(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t got =
        recv(socket.fd(), received.data() + have, bytes - have, 0);
    if (got > 0) {
      have += static_cast<size_t>(got);
    } else if (got == 0) {
      return absl::UnavailableError("it closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
      return absl::UnavailableError(strerror(errno));
    } else if (!WaitFor(socket.fd(), POLLIN, deadline)) {
      return absl::DeadlineExceededError("it does not answer");
    }
  }
  return received;
}

}  // namespace fairlead::internal
