#include "libs/rpc/server_flags.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/command_line/byte_size.h"
#include "libs/rpc/security.h"
#include "libs/rpc/security_flags.h"
#include "libs/rpc/server.h"
#include "libs/security/identity.h"

ABSL_FLAG(std::string, tokens, "",
          "File with lines \"TOKEN trainer/JOB\": trainers that may come "
          "without a certificate.");
ABSL_FLAG(bool, insecure_listen, false,
          "Listen without TLS where other hosts can reach it, not on loopback "
          "alone.");
ABSL_FLAG(int, max_server_threads, 32,
          "Calls that run at a time; others wait for their turn. Streams take "
          "none of these threads.");
ABSL_FLAG(std::optional<fairlead::ByteSize>, max_request, std::nullopt,
          "Largest request that is taken; by default 1GB, of a gateway 4MB.");
ABSL_FLAG(fairlead::ByteSize, max_header, fairlead::ByteSize(16 << 10),
          "Most metadata of one call.");
ABSL_FLAG(int, max_connection_streams, 4096,
          "Most calls and streams under way on one connection; others wait in "
          "the client.");
ABSL_FLAG(int64_t, max_streams_per_client, 2048,
          "Most streams that one client may hold open: a job, where callers "
          "are known, and otherwise a host.");
ABSL_FLAG(absl::Duration, min_ping_interval, absl::Seconds(5),
          "Who pings more often than that, and sends nothing else, is "
          "disconnected.");
ABSL_FLAG(absl::Duration, max_connection_idle, absl::Minutes(30),
          "After how long a connection without calls is closed.");
ABSL_FLAG(absl::Duration, max_connection_age, absl::InfiniteDuration(),
          "After how long a client has to connect anew, and show its "
          "certificate; its streams end a minute later, and go on on the new "
          "connection.");

namespace fairlead::rpc {
namespace {

absl::Status CheckPositive(const char* flag, int64_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, "=", value, ": must be positive"));
}

absl::Status CheckLong(const char* flag, absl::Duration value) {
  if (value >= absl::Milliseconds(1)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--", flag, "=", absl::FormatDuration(value), ": must be at least 1ms"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Security>> ServerSecurityFromFlags(
    std::optional<security::Role> role) {
  SecurityOptions options = SecurityOptionsFromFlags();
  options.tokens = absl::GetFlag(FLAGS_tokens);
  return MakeSecurity(options, role);
}

absl::StatusOr<ServerOptions> ServerOptionsFromFlags(
    uint64_t max_request_bytes) {
  ServerOptions options;
  options.insecure_listen = absl::GetFlag(FLAGS_insecure_listen);
  options.max_threads = absl::GetFlag(FLAGS_max_server_threads);
  options.limits = {
      .max_request_bytes = absl::GetFlag(FLAGS_max_request)
                               .value_or(ByteSize(max_request_bytes))
                               .bytes,
      .max_header_bytes = absl::GetFlag(FLAGS_max_header).bytes,
      .max_connection_streams = absl::GetFlag(FLAGS_max_connection_streams),
      .min_ping_interval = absl::GetFlag(FLAGS_min_ping_interval),
      .max_connection_idle = absl::GetFlag(FLAGS_max_connection_idle),
      .max_connection_age = absl::GetFlag(FLAGS_max_connection_age)};
  for (const absl::Status& status :
       {CheckPositive("max_connection_streams",
                      options.limits.max_connection_streams),
        CheckPositive("max_streams_per_client", MaxStreamsPerClientFromFlags()),
        CheckLong("min_ping_interval", options.limits.min_ping_interval),
        CheckLong("max_connection_idle", options.limits.max_connection_idle),
        CheckLong("max_connection_age", options.limits.max_connection_age)}) {
    if (!status.ok()) return status;
  }
  return options;
}

int64_t MaxStreamsPerClientFromFlags() {
  return absl::GetFlag(FLAGS_max_streams_per_client);
}

}  // namespace fairlead::rpc
