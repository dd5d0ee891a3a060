#ifndef FAIRLEAD_LIBS_LOADER_RECORDED_SAMPLE_STREAM_H_
#define FAIRLEAD_LIBS_LOADER_RECORDED_SAMPLE_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "libs/clock/clock.h"
#include "libs/loader/buffer_pool.h"
#include "libs/loader/epoch_ledger.h"
#include "libs/loader/landing.h"
#include "libs/loader/received_batch.h"
#include "libs/loader/sample_stream.h"
#include "libs/recording/recording_reader.h"
#include "protos/fairlead/v1/loader_cursor.pb.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {

// Batches out of a file that `fairleadctl record` wrote, in place of a cluster
// (parity N-23). Every epoch is the recorded one again, batch by batch in the
// order in which it was received; batches say that they are of that epoch.
class RecordedSampleStream final : public SampleStream {
 public:
  // As RecordingReader::Open. Batches land as they are asked for.
  static absl::StatusOr<std::unique_ptr<RecordedSampleStream>> Create(
      const std::string& path, Landing landing = {});

  // Recorded: fewer than the channel has, if the recording stopped before.
  uint64_t batches() const override { return reader_->end().batches(); }
  // Of the channel that was recorded.
  uint64_t seeds() const override { return reader_->header().seeds(); }
  // DATA_LOSS where the file is damaged, or as the landing fails; the epoch
  // then ends.
  absl::StatusOr<std::optional<ReceivedBatch>> Next() override;
  ReceiveStats stats() const override { return stats_; }

  const v1::RecordingHeader& header() const { return reader_->header(); }

 private:
  RecordedSampleStream(std::unique_ptr<RecordingReader> reader,
                       Landing landing);

  absl::Status BeginEpoch(uint64_t epoch,
                          absl::Span<const v1::EpochProgress> had) override;
  absl::StatusOr<std::vector<v1::EpochProgress>> progress() const override;
  // What was read, where `landing_` wants it.
  absl::StatusOr<std::shared_ptr<const uint8_t>> Place(
      RecordingReader::Message message);

  const RealClock clock_;
  const std::unique_ptr<RecordingReader> reader_;
  const Landing landing_;
  BufferPool buffers_;                 // not used without landing_.allocate
  std::optional<EpochLedger> ledger_;  // of what Next() returned
  bool is_over_ = true;
  ReceiveStats stats_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_RECORDED_SAMPLE_STREAM_H_
