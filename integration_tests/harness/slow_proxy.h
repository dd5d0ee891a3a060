#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_PROXY_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_PROXY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "libs/sync/mutex.h"

namespace fairlead::testing {

// A link with so many bytes a second to whoever connects: a TCP proxy in front
// of a server, in this process. What goes to the server is not slowed down.
class SlowProxy {
 public:
  static absl::StatusOr<std::unique_ptr<SlowProxy>> Start(
      const std::string& server, uint64_t bytes_per_second);
  ~SlowProxy();

  // host:port.
  const std::string& address() const { return address_; }

 private:
  SlowProxy(std::string server, uint64_t bytes_per_second)
      : server_(std::move(server)), bytes_per_second_(bytes_per_second) {}

  void Accept();
  // Until either end is closed.
  void Pump(int from, int to, uint64_t bytes_per_second);
  void Keep(int fd) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string server_;
  const uint64_t bytes_per_second_;
  std::string address_;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;

  Mutex mutex_;
  std::vector<int> fds_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> pumps_;  // the acceptor's
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_SLOW_PROXY_H_
