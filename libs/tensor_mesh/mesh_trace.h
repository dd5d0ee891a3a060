#ifndef FAIRLEAD_LIBS_TENSOR_MESH_MESH_TRACE_H_
#define FAIRLEAD_LIBS_TENSOR_MESH_MESH_TRACE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fairlead {

// The clock of the trace's points: monotonic, since an unspecified moment.
inline int64_t MeshNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The eight moments of a message's way to one server and back, in nanoseconds
// (parity SM-11). The worker's clock tells 0, 1, 6 and 7, the server's 2 to
// 5; the differences below mix none of them, so the clocks need not agree.
// 0 where it has not come to that.
struct MeshTrace {
  enum Point : size_t {
    kRequestStart = 0,      // PushPull is called
    kRequestPostSend = 1,   // the transport has taken the request
    kRequestPostRecv = 2,   // the server has all of it
    kRequestProcess = 3,    // GetBatch hands it out
    kResponseStart = 4,     // Respond is called
    kResponsePostSend = 5,  // the transport takes the reply
    kResponsePostRecv = 6,  // the worker has all of it
    kResponseProcess = 7,   // it is in its destination: Wait may return
  };
  std::array<int64_t, 8> ns{};

  int64_t request_send() const { return ns[1] - ns[0]; }
  int64_t server_receive() const { return ns[3] - ns[2]; }
  int64_t server_compute() const { return ns[4] - ns[3]; }
  int64_t reply_send() const { return ns[5] - ns[4]; }
  int64_t reply_receive() const { return ns[7] - ns[6]; }
  int64_t network() const { return (ns[6] - ns[1]) - (ns[5] - ns[2]); }
  int64_t total() const { return ns[7] - ns[0]; }
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESH_MESH_TRACE_H_
