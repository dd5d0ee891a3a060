#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_SOCKET_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_SOCKET_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fairlead::internal {

// A socket of this process, closed at its end.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// What listens, and the host:port that it got: port 0 takes a free one.
// INVALID_ARGUMENT for an address that is none; UNAVAILABLE if it cannot be
// had.
struct Listener {
  Socket socket;
  std::string address;
};
absl::StatusOr<Listener> Listen(const std::string& address);

// A connection to there. DEADLINE_EXCEEDED; UNAVAILABLE if it is refused.
absl::StatusOr<Socket> ConnectTo(const std::string& address,
                                 absl::Time deadline);

// Sends at once, without waiting for more; and loses a peer that has been
// silent for `timeout`, whose host may be gone. Also makes it non-blocking.
absl::Status Prepare(const Socket& socket, absl::Duration timeout);

// Small messages of a start, before a socket is given to a TcpConnection.
// DEADLINE_EXCEEDED; UNAVAILABLE if the peer closes.
absl::Status SendAll(const Socket& socket, absl::string_view bytes,
                     absl::Time deadline);
absl::StatusOr<std::string> ReceiveExactly(const Socket& socket, size_t bytes,
                                           absl::Time deadline);

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_SOCKET_H_
