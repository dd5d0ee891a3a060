#ifndef FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_CHECK_H_
#define FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_CHECK_H_

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"

namespace fairlead::testing {

// OK if `trace` is what Chrome's trace event format and Perfetto's importer of
// it ask for, as far as we use it: complete slices ("X"), arrows ("s", "t",
// "f") and names ("M"). Each event has what its kind needs, with times that are
// in order and not negative; processes and threads have one name each; slices
// of a track lie beside or within each other, to the nanosecond, since Perfetto
// drops those that do not; each arrow has one begin and one end, and all of its
// points lie in slices. INTERNAL, with the event, for the first thing that is
// otherwise.
absl::Status CheckChromeTrace(const nlohmann::ordered_json& trace);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_TIMELINE_CHROME_TRACE_CHECK_H_
