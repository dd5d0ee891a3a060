#include "libs/loader/sample_stream.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"

namespace fairlead {

absl::StatusOr<v1::LoaderCursor> SampleStream::cursor() const {
  FAIRLEAD_ASSIGN_OR_RETURN(std::vector<v1::EpochProgress> servers, progress());
  v1::LoaderCursor cursor;
  cursor.set_epoch(next_epoch_ - 1);
  for (v1::EpochProgress& server : servers) {
    *cursor.add_servers() = std::move(server);
  }
  cursor.set_input_fingerprint(input_fingerprint_);
  return cursor;
}

absl::Status SampleStream::ResumeEpoch(const v1::LoaderCursor& cursor) {
  if (cursor.input_fingerprint() != input_fingerprint_) {
    return absl::InvalidArgumentError(
        "cursor: was made with other seeds or another sampling config, with "
        "which the same batch index is another batch; go on with the options "
        "that it was made with, or start the epoch instead");
  }
  next_epoch_ = cursor.epoch() + 1;
  const std::vector<v1::EpochProgress> had(cursor.servers().begin(),
                                           cursor.servers().end());
  return BeginEpoch(cursor.epoch(), had);
}

}  // namespace fairlead
