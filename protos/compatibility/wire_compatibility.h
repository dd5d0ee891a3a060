#ifndef FAIRLEAD_PROTOS_COMPATIBILITY_WIRE_COMPATIBILITY_H_
#define FAIRLEAD_PROTOS_COMPATIBILITY_WIRE_COMPATIBILITY_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace fairlead {

// What a program built from `older` trips over when the other end, or a file
// that it is to read, is of `newer`: a line for each, which names it; none if
// all is well. Looks at what is in the files of these names of `older`.
//
// A field keeps its number, name, type, label and oneof; a value of an enum its
// number and name. One that is gone has both reserved, for good. Methods keep
// their types, and whether they stream.
std::vector<std::string> WireBreaks(
    const google::protobuf::DescriptorPool& older,
    const std::vector<std::string>& files,
    const google::protobuf::DescriptorPool& newer);

}  // namespace fairlead

#endif  // FAIRLEAD_PROTOS_COMPATIBILITY_WIRE_COMPATIBILITY_H_
