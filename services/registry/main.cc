// The registry binary: flags in, dependencies wired, serve until told to stop.
// What decides is in the libraries.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/command_line/command_line.h"
#include "libs/rpc/clients.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/ready_line.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/server_flags.h"
#include "libs/rpc/termination.h"
#include "libs/security/identity.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/refusal_samples.h"
#include "libs/telemetry/telemetry.h"
#include "services/registry/open_store.h"
#include "services/registry/registry_metrics.h"
#include "services/registry/registry_service.h"
#include "services/registry/sqlite_store.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7100",
          "host:port of the gRPC service; port 0 takes a free one.");
ABSL_FLAG(
    std::string, metrics_listen, "127.0.0.1:7101",
    "host:port where Prometheus finds /metrics; port 0 takes a free one.");
ABSL_FLAG(std::string, store, "",
          "Where members, backends and channels are kept over a restart: a "
          "SQLite file, by default fairlead/registry.db in the user's state "
          "folder (XDG_STATE_HOME or ~/.local/state); :memory: for the life of "
          "the process; or etcd://host:2379,host:2379/prefix, which several "
          "registries may share; etcds:// is the same over TLS, with this "
          "program's certificate.");
ABSL_FLAG(absl::Duration, default_lease, absl::Seconds(10),
          "How long a member that asks for no lease lives without a renewal.");
ABSL_FLAG(absl::Duration, max_lease, absl::Minutes(5),
          "The longest lease that is granted.");
ABSL_FLAG(uint64_t, max_members, 4096, "Most members at a time.");
ABSL_FLAG(uint64_t, max_backends, 4096, "Most sampling backends at a time.");
ABSL_FLAG(uint64_t, max_channels, 65536, "Most channels at a time.");
ABSL_FLAG(uint64_t, max_channels_per_job, 16384,
          "Most channels of one job at a time, where trainers say what job "
          "they are of: over TLS.");
ABSL_FLAG(absl::Duration, drain, absl::Seconds(5),
          "On SIGTERM, how long open calls may take to finish.");

namespace fairlead {
namespace {

// A list of seeds may be long.
constexpr uint64_t kMaxRequest = 1ULL << 30;

absl::Status Serve() {
  const rpc::TerminationSignal termination;  // before any thread exists
  const RealClock clock;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<rpc::Security> security,
      rpc::ServerSecurityFromFlags(security::Role::kRegistry));
  rpc::Clients clients(security, rpc::MaxStreamsPerClientFromFlags());
  rpc::Readiness readiness;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<Telemetry> telemetry,
      Telemetry::Serve(absl::GetFlag(FLAGS_metrics_listen)));
  std::string store_path = absl::GetFlag(FLAGS_store);
  if (store_path.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(store_path, DefaultStorePath());
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<RegistryStore> store,
                            OpenStore(store_path, security));
  telemetry->ExposeReadiness(readiness);
  RegistryMetrics metrics(*telemetry);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<RegistryService> service,
      RegistryService::Create(
          {.default_lease = absl::GetFlag(FLAGS_default_lease),
           .max_lease = absl::GetFlag(FLAGS_max_lease),
           .max_members = absl::GetFlag(FLAGS_max_members),
           .max_backends = absl::GetFlag(FLAGS_max_backends),
           .max_channels = absl::GetFlag(FLAGS_max_channels),
           .max_channels_per_job = absl::GetFlag(FLAGS_max_channels_per_job)},
          *store, clock, metrics, readiness, security, clients));
  const auto sampled =
      telemetry->OnScrape([&service, &clients](MetricSamples& samples) {
        SampleRegistry(service->Count(), samples);
        SampleRefusals(clients.refusals(), samples);
      });
  FAIRLEAD_ASSIGN_OR_RETURN(rpc::ServerOptions serve,
                            rpc::ServerOptionsFromFlags(kMaxRequest));
  serve.listen = absl::GetFlag(FLAGS_listen);
  serve.security = security;
  serve.refusals = &clients.refusals();
  serve.readiness = &readiness;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                            rpc::Server::Start(serve, {service.get()}));
  const auto waiting = telemetry->OnScrape([&server](MetricSamples& samples) {
    samples.Gauge(metrics::kWaitingCalls, {},
                  static_cast<double>(server->waiting_calls()));
  });
  rpc::PrintReadyLine({"registry", server->address(), telemetry->address()});
  std::cerr << "registry: metrics at http://" << telemetry->address()
            << "/metrics\n";

  termination.Wait();
  readiness.Hold("stopping");
  service->Drain();
  server->Drain(absl::GetFlag(FLAGS_drain));
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Keeps the members, backends and channels of one cluster.\n"
      "Example: bazel run --config=opt //services/registry -- "
      "--listen=127.0.0.1:7100 --store=/var/lib/fairlead/registry.db",
      __FILE__);
  return fairlead::ExitCode("registry", fairlead::Serve());
}
