#ifndef FAIRLEAD_LIBS_SAMPLING_RECOVERY_H_
#define FAIRLEAD_LIBS_SAMPLING_RECOVERY_H_

namespace fairlead {

// Whether what an epoch needs to survive breaks is booked: which batches are
// held, which seeds they had. False in one build only, which is there to
// measure what that costs (see integration_tests/build_cost.cc) and in which
// the first break ends the epoch:
//   bazel build --define=measure=without_recovery ...
#if defined(FAIRLEAD_MEASURE_WITHOUT_RECOVERY)
inline constexpr bool kRecovers = false;
#else
inline constexpr bool kRecovers = true;
#endif

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_SAMPLING_RECOVERY_H_
