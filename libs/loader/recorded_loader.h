#ifndef FAIRLEAD_LIBS_LOADER_RECORDED_LOADER_H_
#define FAIRLEAD_LIBS_LOADER_RECORDED_LOADER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/loader/dist_loader.h"
#include "libs/loader/placement.h"
#include "libs/loader/recorded_sample_stream.h"

namespace fairlead {

// A loader without a cluster: the batches of a file that `fairleadctl record`
// wrote, each epoch the same. What is slow or wrong with it is the trainer's
// own.
//
//   auto loader = RecordedLoader::Create("/tmp/epoch.rec");
//   FAIRLEAD_ASSIGN_OR_RETURN(EpochRange epoch, (*loader)->Epoch());
class RecordedLoader final : public DistLoader {
 public:
  // As RecordingReader::Open, and Placement::Create.
  static absl::StatusOr<std::unique_ptr<RecordedLoader>> Create(
      const std::string& path, const std::string& to_device = "cpu",
      bool pin_memory = false) {
    const absl::StatusOr<Placement> placement =
        Placement::Create(to_device, pin_memory);
    if (!placement.ok()) return placement.status();
    auto stream = RecordedSampleStream::Create(path, placement->landing());
    if (!stream.ok()) return stream.status();
    // The constructor is private, so std::make_unique cannot call it.
    return std::unique_ptr<RecordedLoader>(
        new RecordedLoader(*std::move(stream), *placement));
  }

 private:
  using DistLoader::DistLoader;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECORDED_LOADER_H_
