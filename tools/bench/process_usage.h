#ifndef FAIRLEAD_TOOLS_BENCH_PROCESS_USAGE_H_
#define FAIRLEAD_TOOLS_BENCH_PROCESS_USAGE_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace fairlead::bench {

// CPU seconds so far of the calling thread: what its work takes, however many
// others want the processor.
double CpuSecondsOfThisThread();

// CPU seconds so far of a process that runs, all its threads, to the
// nanosecond; 0 of one that is gone.
double CpuSecondsOf(pid_t pid);

// Times that its threads gave up a processor of their own accord, to wait; of
// threads that live.
double VoluntarySwitchesOf(pid_t pid);

// Memory in RAM, and the most it has been.
double ResidentBytesOf(pid_t pid);
double PeakResidentBytesOf(pid_t pid);

// Processes that it started, and that run.
std::vector<pid_t> ChildrenOf(pid_t pid);

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_PROCESS_USAGE_H_
