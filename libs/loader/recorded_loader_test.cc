#include "libs/loader/recorded_loader.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "libs/recording/recording_writer.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_message/tensor_message.h"
#include "protos/fairlead/v1/recording.pb.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::StatusIs;

TEST(RecordedLoader, TrainsFromAFile) {
  const std::string path = ::testing::TempDir() + "/loader.rec";
  v1::RecordingHeader header;
  header.set_batches(1);
  const auto writer = RecordingWriter::Create(path, header);
  ASSERT_THAT(writer, IsOk());
  const auto layout =
      MessageLayout::Plan({}, {{"batch", v1::DTYPE_INT64, {1}}});
  std::vector<uint8_t> bytes(layout->total_bytes());
  layout->WriteFrame(absl::MakeSpan(bytes));
  ASSERT_THAT((*writer)->Add(bytes, 0), IsOk());
  ASSERT_THAT((*writer)->Finish(), IsOk());

  const auto loader = RecordedLoader::Create(path);
  ASSERT_THAT(loader, IsOk());
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(EpochRange epoch, (*loader)->Epoch());
  int batches = 0;
  for (const Batch& batch : epoch) {
    EXPECT_EQ(batch.index(), 0u);
    ++batches;
  }
  EXPECT_THAT(epoch.status(), IsOk());
  EXPECT_EQ(batches, 1);
}

TEST(RecordedLoader, SaysWhichFileIsNotThere) {
  EXPECT_THAT(RecordedLoader::Create("/no/such/file"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace fairlead
