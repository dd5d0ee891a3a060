// Compiled into each binary as it is linked, so that a new commit makes nothing
// else anew. Bazel defines the name: as what tools/workspace_status printed
// where the build has --stamp, as "0" elsewhere.

namespace fairlead {

extern const char kStampedCommit[] = BUILD_SCM_REVISION;

}  // namespace fairlead
