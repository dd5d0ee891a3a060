// The channel_gateway binary: flags in, dependencies wired, serve until told to
// stop. What decides is in the libraries.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/command_line/byte_size.h"
#include "libs/command_line/command_line.h"
#include "libs/membership/membership.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/clients.h"
#include "libs/rpc/readiness.h"
#include "libs/rpc/ready_line.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/server_flags.h"
#include "libs/rpc/termination.h"
#include "libs/security/identity.h"
#include "libs/shm_channel/shm_domain.h"
#include "libs/status/status_macros.h"
#include "libs/telemetry/channel_samples.h"
#include "libs/telemetry/metric_names.h"
#include "libs/telemetry/refusal_samples.h"
#include "libs/telemetry/telemetry.h"
#include "services/channel_gateway/channel_attacher.h"
#include "services/channel_gateway/channel_gateway_service.h"
#include "services/channel_gateway/delivery.h"
#include "services/channel_gateway/gateway_metrics.h"
#include "services/channel_gateway/timeline_log.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7300",
          "host:port of the gRPC service; port 0 takes a free one.");
ABSL_FLAG(
    std::string, metrics_listen, "127.0.0.1:7301",
    "host:port where Prometheus finds /metrics; port 0 takes a free one.");
ABSL_FLAG(std::string, registry, "127.0.0.1:7100",
          "host:port of the registry to join.");
ABSL_FLAG(std::string, shm_dir, "/dev/shm/fairlead",
          "The sampler pool's --shm_dir on this host. Made if it is missing.");
ABSL_FLAG(fairlead::ByteSize, shm_budget, fairlead::ByteSize(4ULL << 30),
          "Most bytes of channel buffers to map, such as 512MB or 4GB.");
ABSL_FLAG(uint64_t, metrics_max_channels, 128,
          "Most channels with metrics of their own; the rest are summed as "
          "channel=\"other\".");
ABSL_FLAG(uint64_t, max_channels, 4096, "Most channels attached at a time.");
ABSL_FLAG(int64_t, max_subscriptions, 4096, "Most open trainer streams.");
ABSL_FLAG(
    uint64_t, timeline_every, 64,
    "Of so many batches one is sampled, and one a second of every stream that "
    "has fewer: its way from the scheduler to the trainer is kept for "
    "`fairleadctl trace` and shown as histograms. 0 samples none.");
ABSL_FLAG(uint64_t, max_timelines, 4096,
          "Sampled batches to keep, at most 16384.");
ABSL_FLAG(std::string, member_name, "",
          "Name in the cluster, the same after a restart; by default made from "
          "the host name.");
ABSL_FLAG(absl::Duration, connect_timeout, absl::Seconds(60),
          "How long to try to reach the registry at the start.");
ABSL_FLAG(absl::Duration, drain, absl::Seconds(5),
          "On SIGTERM, how long open calls may take to finish.");

namespace fairlead {
namespace {

// Below 200 bytes each, all of them fit into gRPC's 4 MiB.
constexpr uint64_t kMostTimelines = 16384;

// Of a Subscribe, a Credit, or what was consumed meanwhile.
constexpr uint64_t kMaxRequest = 4 << 20;

absl::Status Serve() {
  const rpc::TerminationSignal termination;  // before any thread exists
  const RealClock clock;
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<rpc::Security> security,
      rpc::ServerSecurityFromFlags(security::Role::kGateway));
  rpc::Clients clients(security, rpc::MaxStreamsPerClientFromFlags());
  rpc::Readiness readiness;
  const std::string registry = absl::GetFlag(FLAGS_registry);
  FAIRLEAD_RETURN_IF_ERROR(rpc::CheckAddresses("--registry", registry));
  const uint64_t max_timelines = absl::GetFlag(FLAGS_max_timelines);
  if (max_timelines > kMostTimelines) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_timelines=", max_timelines, ": must be at most ",
                     kMostTimelines, ", which one answer can hold"));
  }
  const std::string shm_dir = absl::GetFlag(FLAGS_shm_dir);
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string shm_domain,
                            PrepareShmDomain(shm_dir));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<Telemetry> telemetry,
      Telemetry::Serve(absl::GetFlag(FLAGS_metrics_listen)));
  telemetry->ExposeReadiness(readiness);
  GatewayMetrics metrics(*telemetry);
  ChannelAttacher attacher(registry, security, shm_domain);
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<Delivery> delivery,
      Delivery::Start(
          {.shm_dir = shm_dir,
           .shm_budget_bytes = absl::GetFlag(FLAGS_shm_budget).bytes,
           .max_channels = absl::GetFlag(FLAGS_max_channels)},
          clock, metrics, attacher));
  ChannelSamples channels(absl::GetFlag(FLAGS_metrics_max_channels));
  const auto sampled = telemetry->OnScrape(
      [&delivery, &channels, &clients](MetricSamples& samples) {
        SampleGateway(delivery->TakeSnapshot(), channels, samples);
        SampleRefusals(clients.refusals(), samples);
      });
  TimelineLog timelines({.every = absl::GetFlag(FLAGS_timeline_every),
                         .max_timelines = max_timelines},
                        *telemetry);
  ChannelGatewayService service(*delivery, clock, metrics, timelines, clients,
                                absl::GetFlag(FLAGS_max_subscriptions));
  FAIRLEAD_ASSIGN_OR_RETURN(rpc::ServerOptions serve,
                            rpc::ServerOptionsFromFlags(kMaxRequest));
  serve.listen = absl::GetFlag(FLAGS_listen);
  serve.security = security;
  serve.refusals = &clients.refusals();
  serve.readiness = &readiness;
  FAIRLEAD_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                            rpc::Server::Start(serve, {&service}));
  const auto waiting = telemetry->OnScrape([&server](MetricSamples& samples) {
    samples.Gauge(metrics::kWaitingCalls, {},
                  static_cast<double>(server->waiting_calls()));
  });

  Membership::Options join;
  join.registry = registry;
  join.security = security;
  join.connect_timeout = absl::GetFlag(FLAGS_connect_timeout);
  std::string name = absl::GetFlag(FLAGS_member_name);
  if (name.empty()) name = DefaultMemberName("gateway");
  join.member.set_member_name(name);
  join.member.set_role(v1::ROLE_CHANNEL_GATEWAY);
  join.member.set_address(server->address());
  join.member.set_metrics_address(telemetry->address());
  join.member.set_shm_domain(shm_domain);
  join.readiness = &readiness;
  join.on_draining = [&delivery] { delivery->HandOn(); };
  join.on_replaced = [&termination] { termination.Request(); };
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Membership> membership,
                            Membership::Start(std::move(join)));
  rpc::PrintReadyLine(
      {"channel_gateway", server->address(), telemetry->address()});
  std::cerr << "channel_gateway: metrics at http://" << telemetry->address()
            << "/metrics\n";

  termination.Wait();
  readiness.Hold("stopping");
  const absl::Status membership_status = membership->status();
  membership.reset();  // leaves the cluster first: nobody is sent here now
  delivery->Drain();
  server->Drain(absl::GetFlag(FLAGS_drain));
  return membership_status;
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "Delivers the batches of this host's sampler pools to trainers.\n"
      "Example: bazel run --config=opt //services/channel_gateway -- "
      "--registry=127.0.0.1:7100 --shm_dir=/dev/shm/fairlead",
      __FILE__);
  return fairlead::ExitCode("channel_gateway", fairlead::Serve());
}
