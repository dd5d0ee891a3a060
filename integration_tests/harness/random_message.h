#ifndef FAIRLEAD_INTEGRATION_TESTS_HARNESS_RANDOM_MESSAGE_H_
#define FAIRLEAD_INTEGRATION_TESTS_HARNESS_RANDOM_MESSAGE_H_

#include <cstddef>
#include <random>
#include <string>

#include "google/protobuf/message.h"

namespace fairlead::testing {

using Random = std::mt19937_64;

// At most so many bytes, of any value.
std::string RandomBytes(Random& random, size_t most);

// Sets fields of any message, and those of messages within it down to `depth`,
// to what nobody should send: numbers and names that nothing in a cluster has,
// enum values that are none, text that is none.
void FillRandomly(Random& random, int depth,
                  google::protobuf::Message* message);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_INTEGRATION_TESTS_HARNESS_RANDOM_MESSAGE_H_
