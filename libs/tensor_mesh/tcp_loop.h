#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_LOOP_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_LOOP_H_

#include <cstdint>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/tcp_socket.h"

namespace fairlead::internal {

// The one thread that serves the sockets of a member. Thread-safe.
class TcpLoop {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // On the loop's thread: some of EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR.
    // May be called once more after Remove, for an event that was under way.
    virtual void OnReady(uint32_t events) = 0;
  };

  static absl::StatusOr<std::unique_ptr<TcpLoop>> Start();
  // Stop().
  ~TcpLoop();

  // Calls `handler` when `fd` is ready for `events`, until Remove.
  absl::Status Add(int fd, uint32_t events, std::shared_ptr<Handler> handler)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Modify(int fd, uint32_t events);
  void Remove(int fd) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the thread: no handler is called after this. Not from within one.
  void Stop();

 private:
  TcpLoop(Socket epoll, Socket wake);

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const Socket epoll_;
  const Socket wake_;

  Mutex mutex_;
  absl::flat_hash_map<int, std::shared_ptr<Handler>> handlers_
      ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_LOOP_H_
