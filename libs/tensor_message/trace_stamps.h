#ifndef FAIRLEAD_LIBS_TENSOR_MESSAGE_TRACE_STAMPS_H_
#define FAIRLEAD_LIBS_TENSOR_MESSAGE_TRACE_STAMPS_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "protos/fairlead/v1/messages.pb.h"

namespace fairlead {

// The stamps of an encoded SampleMessage, and nothing else of it: for who
// passes messages on and decodes none. Looks at a few bytes, where a writer
// that keeps to the order of fields has put them. Nullopt if there are none, or
// if these bytes do not begin with a header.
std::optional<v1::TraceStamps> ReadTraceStamps(
    absl::Span<const uint8_t> message);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESSAGE_TRACE_STAMPS_H_
