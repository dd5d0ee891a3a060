#ifndef FAIRLEAD_LIBS_SECURITY_TOKENS_H_
#define FAIRLEAD_LIBS_SECURITY_TOKENS_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/security/identity.h"
#include "libs/security/watched_file.h"
#include "libs/sync/mutex.h"

namespace fairlead::security {

using TokenMap = absl::flat_hash_map<std::string, Identity>;

// The lines "TOKEN trainer/JOB" of a file; empty ones and those that begin with
// # are left out. INVALID_ARGUMENT, naming the line (and never the token), for
// any other, for a token that stands there twice or has fewer than 16
// characters, and for another role: services and operators have certificates.
absl::StatusOr<TokenMap> ParseTokens(absl::string_view text);

// The tokens of a file, which may be replaced while the process runs. While
// what it holds is no such list, the last good one counts. Thread-safe.
class Tokens {
 public:
  // Errors as ParseTokens and ReadSmallFile. `clock` must outlive this.
  static absl::StatusOr<std::unique_ptr<Tokens>> Open(const std::string& path,
                                                      absl::Duration refresh,
                                                      const Clock& clock);

  // Whose it is: nobody's, if it is none.
  Identity Find(absl::string_view token) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Tokens(const std::string& path, absl::Duration refresh, const Clock& clock)
      : file_(path, refresh, clock) {}

  Mutex mutex_;
  WatchedFile file_ ABSL_GUARDED_BY(mutex_);
  TokenMap tokens_ ABSL_GUARDED_BY(mutex_);
};

// The one token of a client, read anew when its file changes. Thread-safe.
class OwnToken {
 public:
  // INVALID_ARGUMENT if the file holds no token: one line without spaces.
  static absl::StatusOr<std::unique_ptr<OwnToken>> Open(const std::string& path,
                                                        absl::Duration refresh,
                                                        const Clock& clock);

  std::string Get() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  OwnToken(const std::string& path, absl::Duration refresh, const Clock& clock)
      : file_(path, refresh, clock) {}

  Mutex mutex_;
  WatchedFile file_ ABSL_GUARDED_BY(mutex_);
  std::string token_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::security

#endif  // FAIRLEAD_LIBS_SECURITY_TOKENS_H_
