#ifndef FAIRLEAD_LIBS_TELEMETRY_METRICS_SERVER_H_
#define FAIRLEAD_LIBS_TELEMETRY_METRICS_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace fairlead {

// Answers GET /metrics over HTTP, on one thread of its own; and for probes that
// know no gRPC, or not over TLS, /livez (200) and /readyz (200 or 503).
//
// In place of prometheus-cpp's Exposer, whose threads have a fixed stack of
// 100 KiB: in a process that links libtorch they cannot even start, since the
// thread-local data of its BLAS are larger; and whose end waits for a poll.
class MetricsServer {
 public:
  // `page` is asked at each scrape, and `is_ready` at each probe, on the
  // server's thread. INVALID_ARGUMENT or UNAVAILABLE, naming the address, if it
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const std::string& address, std::function<std::string()> page,
      std::function<bool()> is_ready);

  // Ends at once; an answer under way is cut off.
  ~MetricsServer();

  // host:port, with the port that was taken.
  const std::string& address() const { return address_; }

 private:
  class Listener;

  MetricsServer(std::unique_ptr<Listener> listener, std::string address);

  const std::unique_ptr<Listener> listener_;
  const std::string address_;
  std::thread thread_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_METRICS_SERVER_H_
