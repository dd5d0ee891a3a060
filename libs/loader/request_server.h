#ifndef FAIRLEAD_LIBS_LOADER_REQUEST_SERVER_H_
#define FAIRLEAD_LIBS_LOADER_REQUEST_SERVER_H_

#include <functional>
#include <tuple>
#include <utility>

#include "absl/time/time.h"
#include "libs/event_loop/event_loop.h"
#include "libs/loader/dist_server.h"

namespace fairlead {

// GLT's request_server and async_request_server (parity GL-006, GL-007): a
// method of DistServer, by name, now or as a future. What is no method of it
// does not compile: no function travels to a server (parity DS-18).
//
//   auto ids = AsyncRequestServer(loop, deadline, server,
//                                 &DistServer::GetNodeIds, request);
//   ...
//   absl::StatusOr<std::vector<int64_t>> answer = ids.get();
template <typename Method, typename... Arguments>
auto RequestServer(DistServer& server, Method method,
                   Arguments&&... arguments) {
  return std::invoke(method, server, std::forward<Arguments>(arguments)...);
}

// Runs in `loop`, which bounds how many requests are under way; the arguments
// are copied or moved along. `deadline` is for a place in the loop: the future
// has EventLoop::AddTask's error if there is none by then. `server` must
// outlive the request.
template <typename Method, typename... Arguments>
auto AsyncRequestServer(EventLoop& loop, absl::Time deadline,
                        DistServer& server, Method method,
                        Arguments... arguments) {
  return loop.Async(
      [&server, method, arguments = std::make_tuple(std::move(arguments)...)] {
        return std::apply(
            [&server, method](const auto&... unpacked) {
              return std::invoke(method, server, unpacked...);
            },
            arguments);
      },
      deadline);
}

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_REQUEST_SERVER_H_
