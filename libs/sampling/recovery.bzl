"""local_defines of what includes recovery.h, in a .cc file and nowhere else."""

RECOVERY_DEFINES = select({
    "//libs/sampling:measure_without_recovery": ["FAIRLEAD_MEASURE_WITHOUT_RECOVERY"],
    "//conditions:default": [],
})
