#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FOLDER_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace fairlead::testing {

// A test's folder in shared memory, removed at the end with all that is in it.
class ShmFolder {
 public:
  ShmFolder() { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~ShmFolder() { std::filesystem::remove_all(path_); }
  ShmFolder(const ShmFolder&) = delete;
  ShmFolder& operator=(const ShmFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/dev/shm/fairlead-test-XXXXXX";
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_SHM_FOLDER_H_
