#ifndef FAIRLEAD_LIBS_LOADER_CHECK_SESSION_H_
#define FAIRLEAD_LIBS_LOADER_CHECK_SESSION_H_

#include "absl/status/status.h"
#include "libs/loader/sample_stream_options.h"

namespace fairlead {

// What GLT asks of the processes of a job that make a loader together (parity
// GL-050, GL-083). Ours work without it, so it is asked only of those whose
// options have a session:
//   - remote workers are for the job's clients, workers of a process's own for
//     its workers;
//   - all workers of the job have the same num_workers, of which collocated
//     ones are 1. They tell each other, so each must make its loaders in the
//     same order, and between the same other calls of the session's.
//
// FAILED_PRECONDITION for another role, a session that was shut down, or
// another num_workers, which every member is told with both values. Otherwise
// as DistSession::AllGather, which waits for connect_timeout.
absl::Status CheckSession(const DeliveryOptions& options);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_CHECK_SESSION_H_
