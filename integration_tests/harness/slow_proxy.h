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
#include "absl/time/time.h"
#include "libs/sync/mutex.h"

namespace fairlead::testing {

// A narrow or a long link to whoever connects: a TCP proxy in front of a
// server, in this process. What goes to the server is not slowed down.
class SlowProxy {
 public:
  struct Link {
    uint64_t bytes_per_second = 0;  // 0 for any number
    absl::Duration length;          // so late comes what the server sends
  };
  static absl::StatusOr<std::unique_ptr<SlowProxy>> Start(
      const std::string& server, const Link& link);
  ~SlowProxy();

  // host:port.
  const std::string& address() const { return address_; }

 private:
  SlowProxy(std::string server, const Link& link)
      : server_(std::move(server)), link_(link) {}

  void Accept();
  // Until either end is closed.
  void Pump(int from, int to, const Link& link);
  void Keep(int fd) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string server_;
  const Link link_;
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
