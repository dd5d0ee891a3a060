#include "libs/loader/check_session.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/dist_context/dist_context.h"
#include "libs/dist_context/dist_session.h"
#include "libs/loader/sample_stream_options.h"
#include "libs/loader/worker_options.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

constexpr absl::string_view kNumWorkers = "num_workers=";

absl::Status CheckRole(const DistSession& session, bool is_remote) {
  const DistContext& context = session.context();
  if (is_remote ? context.is_client() : context.is_worker()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "worker_options: ", is_remote ? "remote workers" : "workers of its own",
      " are for a ", is_remote ? "client" : "worker", " of a job, and ",
      context.worker_name(), " of job ", session.job(), " is a ",
      DistRoleName(context.role),
      "; choose other workers, or leave out the session"));
}

// Of a process's own workers.
uint32_t NumWorkers(const WorkerOptions& workers) {
  const auto* const mp = std::get_if<MpWorkerOptions>(&workers);
  return mp == nullptr ? 1 : mp->num_workers;
}

absl::Status CheckSameNumWorkers(DistSession& session,
                                 const DeliveryOptions& options) {
  const uint32_t mine = NumWorkers(options.worker_options);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto values,
                            session.AllGather(absl::StrCat(kNumWorkers, mine),
                                              options.connect_timeout));
  for (const auto& [member, value] : values) {
    absl::string_view text = value;
    uint32_t theirs = 0;
    if (!absl::ConsumePrefix(&text, kNumWorkers) ||
        !absl::SimpleAtoi(text, &theirs)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "job ", session.job(), ": ", session.context().worker_name(),
          " makes a loader, and ", member,
          " another call meanwhile; all must make the same in one order"));
    }
    if (theirs == mine) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "num_workers: is ", mine, " at ", session.context().worker_name(),
        " and ", theirs, " at ", member, " of job ", session.job(),
        "; give all members of the group the same"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSession(const DeliveryOptions& options) {
  if (options.session == nullptr) return absl::OkStatus();
  const bool is_remote =
      std::holds_alternative<RemoteWorkerOptions>(options.worker_options);
  FAIRLEAD_RETURN_IF_ERROR(CheckRole(*options.session, is_remote));
  if (options.session->is_shut_down()) {
    return absl::FailedPreconditionError(
        absl::StrCat("session: ", options.session->context().worker_name(),
                     " of job ", options.session->job(),
                     " was shut down; init another, or leave out the session"));
  }
  if (is_remote) return absl::OkStatus();
  return CheckSameNumWorkers(*options.session, options);
}

}  // namespace fairlead
