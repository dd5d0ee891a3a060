#include "libs/membership/rendezvous.h"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "libs/membership/membership.h"
#include "libs/rpc/persist.h"
#include "libs/rpc/status_conversion.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.grpc.pb.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

// The registry says who is missing a little before the call would end without
// that.
constexpr absl::Duration kToAnswer = absl::Seconds(2);

// NOT_FOUND: the lease ran out, and the membership is about to join again.
bool IsWorthAnotherTry(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsNotFound(status);
}

}  // namespace

absl::StatusOr<std::vector<Rendezvous::Value>> Rendezvous::AllGather(
    absl::string_view value, absl::Duration timeout,
    const std::stop_token& stop) {
  const absl::Time deadline = absl::Now() + timeout;
  v1::AllGatherRequest request;
  request.set_group(group_);
  request.set_round(round_);
  request.set_world_size(world_size_);
  request.set_rank(rank_);
  request.set_value(value.data(), value.size());
  v1::AllGatherResponse response;
  v1::RegistryService::Stub registry(membership_.channel());
  const auto gather = [&] {
    const absl::Duration left = deadline - absl::Now();
    request.set_member_id(membership_.member_id());
    *request.mutable_timeout() =
        google::protobuf::util::TimeUtil::NanosecondsToDuration(
            absl::ToInt64Nanoseconds(left));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline + kToAnswer));
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    return rpc::ToAbslStatus(registry.AllGather(&context, request, &response));
  };
  const absl::Status status = rpc::Persist(deadline, gather, IsWorthAnotherTry);
  if (IsWorthAnotherTry(status)) {
    return absl::DeadlineExceededError(
        absl::StrCat("group ", group_, ", round ", round_, ": the registry at ",
                     membership_.registry(), " gave no answer within ",
                     absl::FormatDuration(timeout), " (",
                     std::string(status.message()), ")"));
  }
  FAIRLEAD_RETURN_IF_ERROR(status);
  ++round_;
  std::vector<Value> values;
  for (v1::GatheredValue& gathered : *response.mutable_values()) {
    values.push_back({std::move(*gathered.mutable_member_name()),
                      std::move(*gathered.mutable_value())});
  }
  return values;
}

}  // namespace fairlead
