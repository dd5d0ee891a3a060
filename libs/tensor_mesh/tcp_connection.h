#ifndef FAIRLEAD_LIBS_TENSOR_MESH_TCP_CONNECTION_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_TCP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/sync/mutex.h"
#include "libs/tensor_mesh/tcp_loop.h"
#include "libs/tensor_mesh/tcp_socket.h"
#include "libs/tensor_mesh/wire.h"

namespace fairlead::internal {

// Frames over a socket. Payloads are written from where they lie and read into
// where they belong, several pieces a system call. Thread-safe.
class TcpConnection final : public TcpLoop::Handler,
                            public std::enable_shared_from_this<TcpConnection> {
 public:
  // What the frames mean. Called on the loop's thread, one call at a time. An
  // error closes the connection, with it as the reason.
  class Reader {
   public:
    virtual ~Reader() = default;
    // A frame's header and body are here. Where its payload goes: places of
    // payload_bytes together; or none, and the payload is read and dropped.
    virtual absl::StatusOr<std::vector<absl::Span<uint8_t>>> OnFrame(
        TcpConnection& from, const FrameHeader& header,
        absl::Span<const uint8_t> body) = 0;
    // The payload of the last OnFrame is there.
    virtual absl::Status OnPayload(TcpConnection& from) = 0;
    // The last call: nothing is read or written any more.
    virtual void OnClosed(const absl::Status& why) = 0;
  };

  TcpConnection(Socket socket, TcpLoop& loop, std::shared_ptr<Reader> reader)
      : socket_(std::move(socket)), loop_(loop), reader_(std::move(reader)) {}

  // From now on frames are read.
  absl::Status Start();

  // A frame, and what it is made of; `owner` keeps the payload until it is
  // sent. Sends at once what can be.
  struct Outgoing {
    uint64_t id = 0;
    std::string frame;
    std::vector<absl::Span<const uint8_t>> payload;
    std::shared_ptr<const void> owner;
  };
  // UNAVAILABLE once it is closed.
  absl::Status Send(Outgoing outgoing) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether nothing with this id is waiting to be sent.
  bool IsSent(uint64_t id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until all is sent, or it is closed.
  void Flush(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  // Breaks it: the loop will close it, with this reason.
  void Break(absl::Status why) ABSL_LOCKS_EXCLUDED(mutex_);

  void OnReady(uint32_t events) override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Writes until the socket is full.
  void WriteSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return outgoing_.empty() || !is_open_;
  }

  // Reads what there is, up to a limit. OK, or why the connection is over.
  absl::Status ReadSome();
  // Takes in what is in `buffer_`.
  absl::Status Consume();
  absl::Status TakePayload(absl::Span<const uint8_t>& bytes);
  absl::StatusOr<bool> ReadPayload();
  void Close(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);

  const Socket socket_;
  TcpLoop& loop_;
  const std::shared_ptr<Reader> reader_;

  // The loop's thread's.
  std::vector<uint8_t> buffer_;  // read, not consumed
  uint64_t payload_left_ = 0;    // of the frame that is being read
  bool drops_payload_ = false;
  std::deque<absl::Span<uint8_t>> places_;  // for it

  mutable Mutex mutex_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
  std::deque<Outgoing> outgoing_ ABSL_GUARDED_BY(mutex_);
  uint64_t front_sent_ ABSL_GUARDED_BY(mutex_) = 0;  // bytes of the first
};

}  // namespace fairlead::internal

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_TCP_CONNECTION_H_
