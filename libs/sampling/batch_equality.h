#ifndef FAIRLEAD_LIBS_SAMPLING_BATCH_EQUALITY_H_
#define FAIRLEAD_LIBS_SAMPLING_BATCH_EQUALITY_H_

#include <cstddef>

#include "gtest/gtest.h"
#include "libs/sampling/batch_sampler.h"
#include "libs/sampling/subgraph_equality.h"

namespace fairlead::testing {

// Fails the test unless the two are the same to the last number.
inline void ExpectSameBatch(const SampledBatch& a, const SampledBatch& b) {
  ExpectSame(a.subgraph, b.subgraph);
  ASSERT_EQ(a.meta.size(), b.meta.size());
  for (size_t i = 0; i < a.meta.size(); ++i) {
    SCOPED_TRACE(a.meta[i].name);
    EXPECT_EQ(a.meta[i].name, b.meta[i].name);
    EXPECT_EQ(a.meta[i].shape, b.meta[i].shape);
    EXPECT_EQ(a.meta[i].values, b.meta[i].values);
  }
}

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SAMPLING_BATCH_EQUALITY_H_
