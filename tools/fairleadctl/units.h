#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_UNITS_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_UNITS_H_

#include <string>

#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {

// Numbers as people read them.
std::string Bytes(double bytes);       // "12.5MiB"
std::string Seconds(double seconds);   // "3.20s", "12.0ms", "85us"
std::string Percent(double fraction);  // "12%"

// 0 is the default weight, 1.
std::string WeightOf(const v1::ChannelControl& control);
// "any", or "2.5/s".
std::string RateOf(const v1::ChannelControl& control);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_UNITS_H_
