#include "tools/fairleadctl/ask.h"

#include <chrono>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "libs/rpc/status_conversion.h"
#include "tools/fairleadctl/command_context.h"

namespace fairlead {

absl::Status AnswerStatus(absl::string_view whom, const grpc::Status& status) {
  const absl::Status answer = rpc::ToAbslStatus(status);
  switch (answer.code()) {
    case absl::StatusCode::kUnimplemented:
      return absl::UnimplementedError(
          absl::StrCat(whom, ": is of an older version and cannot do this"));
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrCat(whom,
                       ": did not answer in time; is that the address? "
                       "--timeout waits longer"));
    case absl::StatusCode::kUnavailable:
      return absl::UnavailableError(absl::StrCat(
          whom,
          ": cannot be reached, or lacks what it needs: ", answer.message()));
    default:
      return {answer.code(), absl::StrCat(whom, ": ", answer.message())};
  }
}

void SetDeadline(const CommandContext& context, grpc::ClientContext& call) {
  call.set_deadline(std::chrono::system_clock::now() +
                    absl::ToChronoMilliseconds(context.timeout));
}

}  // namespace fairlead
