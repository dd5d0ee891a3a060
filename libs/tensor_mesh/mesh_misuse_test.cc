// Every misuse of the calls is a typed error that names the thing and the fix,
// and the mesh works afterwards (parity 1E, W-50, W-58).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_tensor.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/test_mesh.h"

namespace fairlead::testing {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;
using Floats = std::vector<float>;

// What the misuses are made with: a mesh of two workers and two servers, and
// a request of worker 0 that server 0 has been given, with one pull of two
// floats from each.
struct Scene {
  TestMesh& mesh;
  MeshWorker& worker;
  MeshServer& server;
  MeshHandler asked;
  MeshServerHandler given;
  Floats values = {1, 2};
  Floats long_values = {1, 2, 3};
  Floats replies[2] = {Floats(2), Floats(2)};

  std::vector<MeshPull> Pulls(uint64_t key) {
    return {{key, Buffer(replies[0])}, {key + 1, Buffer(replies[1])}};
  }
};

struct Misuse {
  std::string name;
  std::function<absl::Status(Scene&)> call;
  Code code;
  std::string text;
};

MeshTensorView WithWrongShape(const Floats& values) {
  MeshTensorView view = View(values);
  view.shape = {3};
  return view;
}

std::vector<Misuse> Misuses() {
  return {
      {"NothingToSend",
       [](Scene& s) { return s.worker.PushPull({}, {}).status(); },
       Code::kInvalidArgument, "0 tensors"},
      {"TooManyTensors",
       [](Scene& s) {
         return s.worker
             .PushPull(std::vector<MeshPush>(5000, {1, View(s.values)}), {})
             .status();
       },
       Code::kInvalidArgument, "give 1 to 4096"},
      {"PullsThatServersDoNotDivide",
       [](Scene& s) {
         return s.worker
             .PushPull({{7, View(s.values)}}, {{7, Buffer(s.replies[0])}})
             .status();
       },
       Code::kInvalidArgument, "1 pulls of 2 servers"},
      {"ShapeThatIsNotTheBytes",
       [](Scene& s) {
         return s.worker.PushPull({{7, WithWrongShape(s.values)}}, {}).status();
       },
       Code::kInvalidArgument, "push of key 7: shape [3]"},
      {"NegativeDimension",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.shape = {-1, -2};
         return s.worker.PushPull({{7, view}}, {}).status();
       },
       Code::kInvalidArgument, "shape [-1, -2] is none"},
      {"ShapeThatOverflows",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.shape = {int64_t{1} << 62, 16};
         return s.worker.PushPull({{7, view}}, {}).status();
       },
       Code::kInvalidArgument, "is none"},
      {"TooManyDimensions",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.shape = {2, 1, 1, 1, 1, 1, 1, 1, 1};
         return s.worker.PushPull({{7, view}}, {}).status();
       },
       Code::kInvalidArgument, "9 dimensions"},
      {"UnknownDtype",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.dtype = v1::DTYPE_UNSPECIFIED;
         return s.worker.PushPull({{7, view}}, {}).status();
       },
       Code::kInvalidArgument, "dtype 0"},
      {"KeyTwice",
       [](Scene& s) {
         return s.worker
             .PushPull({{7, View(s.values)}, {7, View(s.values)}}, {})
             .status();
       },
       Code::kInvalidArgument, "push of key 7: is there twice"},
      {"PullKeyTwice",
       [](Scene& s) {
         return s.worker
             .PushPull({},
                       {{7, Buffer(s.replies[0])}, {7, Buffer(s.replies[1])}})
             .status();
       },
       Code::kInvalidArgument, "pull of key 7: is there twice"},
      {"PushKeyInFlight",
       [](Scene& s) {
         return s.worker.PushPull({{1, View(s.values)}}, {}).status();
       },
       Code::kFailedPrecondition, "push of key 1: an earlier request"},
      {"PullKeyInFlight",
       [](Scene& s) { return s.worker.PushPull({}, s.Pulls(2)).status(); },
       Code::kFailedPrecondition, "pull of key 2: an earlier request"},
      {"UnknownServer",
       [](Scene& s) {
         return s.worker
             .PushPull({{7, View(s.values)}}, {}, {.servers = {0, 5}})
             .status();
       },
       Code::kInvalidArgument, "servers: 5"},
      {"ServerTwice",
       [](Scene& s) {
         return s.worker
             .PushPull({{7, View(s.values)}}, {}, {.servers = {1, 1}})
             .status();
       },
       Code::kInvalidArgument, "ascending"},
      {"ArenaTooSmall",
       [](Scene& s) { return s.worker.AllocateBuffer(1 << 30).status(); },
       Code::kResourceExhausted, "arena_bytes: 1073741824"},
      {"WaitForNone", [](Scene& s) { return s.worker.Wait(0); },
       Code::kNotFound, "handler 0"},
      {"WaitForWhatIsNotYet",
       [](Scene& s) { return s.worker.Wait(uint64_t{99} << 16); },
       Code::kNotFound, "is none of this worker's"},
      {"WaitForMessageThatIsNone",
       [](Scene& s) {
         return s.worker.Wait(s.asked + 50, absl::Milliseconds(1));
       },
       Code::kNotFound, "is none of this worker's"},
      {"WaitTooShort", [](Scene& s) { return s.worker.Wait(s.asked, kSoon); },
       Code::kDeadlineExceeded, "no answer of server 0, 1"},
      {"TraceOfNone", [](Scene& s) { return s.worker.FetchTrace(0).status(); },
       Code::kNotFound, "handler 0"},
      {"CancelNone", [](Scene& s) { return s.worker.Cancel(0); },
       Code::kNotFound, "handler 0"},
      {"BarrierWithoutThisWorker",
       [](Scene& s) { return s.worker.Barrier({.workers = false}); },
       Code::kFailedPrecondition, "worker 0 is not among"},
      {"BarrierWithoutThisServer",
       [](Scene& s) { return s.server.Barrier({.servers = false}); },
       Code::kFailedPrecondition, "server 0 is not among"},
      {"BarrierOfAbsentMember",
       [](Scene& s) { return s.worker.Barrier({}, kSoon); },
       Code::kDeadlineExceeded, "members 1, 2, 3"},
      {"GatherOfNobody",
       [](Scene& s) { return s.server.GetBatch({.at_least = 0}).status(); },
       Code::kInvalidArgument, "at_least: 0"},
      {"GatherOfTooMany",
       [](Scene& s) { return s.server.GetBatch({.at_least = 3}).status(); },
       Code::kInvalidArgument, "at_least: 3 is not within 1 to 2"},
      {"GatherTooShort",
       [](Scene& s) { return s.server.GetBatch({.timeout = kSoon}).status(); },
       Code::kDeadlineExceeded, "no request of worker 0, 1"},
      {"AnswerToNone",
       [](Scene& s) { return s.server.Respond({View(s.values)}, 99); },
       Code::kNotFound, "handler 99"},
      {"AnswerOfTooFew", [](Scene& s) { return s.server.Respond({}, s.given); },
       Code::kInvalidArgument, "0 tensors for its 1 pulls"},
      {"AnswerOfTooMany",
       [](Scene& s) {
         return s.server.Respond({View(s.values), View(s.values)}, s.given);
       },
       Code::kInvalidArgument, "2 tensors for its 1 pulls"},
      {"AnswerTooLarge",
       [](Scene& s) {
         return s.server.Respond({View(s.long_values)}, s.given);
       },
       Code::kInvalidArgument, "has 12 bytes, not 8"},
      {"AnswerOfOtherDtype",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.dtype = v1::DTYPE_INT32;
         return s.server.Respond({view}, s.given);
       },
       Code::kInvalidArgument, "is of DTYPE_INT32, not of DTYPE_FLOAT32"},
      {"AnswerOfWrongShape",
       [](Scene& s) {
         return s.server.Respond({WithWrongShape(s.values)}, s.given);
       },
       Code::kInvalidArgument, "shape [3]"},
      {"ErrorThatIsNone",
       [](Scene& s) {
         return s.server.RespondError(absl::OkStatus(), s.given);
       },
       Code::kInvalidArgument, "OK is no error"},
      {"RowsForNobody",
       [](Scene& s) { return s.server.RespondVec(View(s.values), {2}, {}); },
       Code::kInvalidArgument, "1 numbers of rows for 0 handlers"},
      {"RowsThatAreNotThere",
       [](Scene& s) {
         return s.server.RespondVec(View(s.values), {3}, {s.given});
       },
       Code::kInvalidArgument, "3 rows from row 0"},
      {"RowsLeftOver",
       [](Scene& s) {
         return s.server.RespondVec(View(s.long_values), {2}, {s.given});
       },
       Code::kInvalidArgument, "2 rows are asked for, and the buffer has 3"},
      {"RowsOfNegativeNumber",
       [](Scene& s) {
         return s.server.RespondVec(View(s.values), {-1}, {s.given});
       },
       Code::kInvalidArgument, "-1 rows"},
      {"RowsForOneTwice",
       [](Scene& s) {
         return s.server.RespondVec(View(s.values), {2, 2}, {s.given, s.given},
                                    MeshServer::RowsMode::kSharedPrefix);
       },
       Code::kInvalidArgument, "is there twice"},
      {"RowsOfAScalar",
       [](Scene& s) {
         MeshTensorView view = View(s.values);
         view.shape = {};
         view.bytes = view.bytes.subspan(0, 4);
         return s.server.RespondVec(view, {1}, {s.given});
       },
       Code::kInvalidArgument, "0 dimensions"},
      {"BufferWithoutKeys",
       [](Scene& s) {
         return s.server.RegisterRecvBuffer(Buffer(s.replies[0]), {}, {});
       },
       Code::kInvalidArgument, "0 workers and 0 keys"},
      {"BufferWithUnequalLists",
       [](Scene& s) {
         return s.server.RegisterRecvBuffer(Buffer(s.replies[0]), {0, 1}, {7});
       },
       Code::kInvalidArgument, "2 workers and 1 keys"},
      {"BufferThatCannotBeCut",
       [](Scene& s) {
         return s.server.RegisterRecvBuffer(Buffer(s.replies[0]), {0, 1, 0},
                                            {7, 7, 8});
       },
       Code::kInvalidArgument, "8 bytes cannot be cut into 3"},
      {"BufferOfUnknownWorker",
       [](Scene& s) {
         return s.server.RegisterRecvBuffer(Buffer(s.replies[0]), {9}, {7});
       },
       Code::kInvalidArgument, "worker 9, key 7"},
      {"BufferOfKeyThatWasPushed",
       [](Scene& s) {
         return s.server.RegisterRecvBuffer(Buffer(s.replies[0]), {0}, {1});
       },
       Code::kFailedPrecondition, "it was pushed before"},
      {"BufferTwice",
       [](Scene& s) {
         static Floats buffer(2), other(2);
         const absl::Status first =
             s.server.RegisterRecvBuffer(Buffer(buffer), {0}, {70});
         if (!first.ok()) return absl::InternalError(first.message());
         return s.server.RegisterRecvBuffer(Buffer(other), {0}, {70});
       },
       Code::kAlreadyExists, "worker 0, key 70: has one"},
      {"BufferThatOverlaps",
       [](Scene& s) {
         static Floats buffer(2);
         const absl::Status first =
             s.server.RegisterRecvBuffer(Buffer(buffer), {0}, {71});
         if (!first.ok()) return absl::InternalError(first.message());
         return s.server.RegisterRecvBuffer(Buffer(buffer), {0}, {72});
       },
       Code::kAlreadyExists, "overlaps that of worker 0, key 71"},
      {"PushOfAnothersKey",
       [](Scene& s) {
         static Floats buffer(2);
         for (const uint32_t rank : {0u, 1u}) {
           const absl::Status first = s.mesh.server(rank).RegisterRecvBuffer(
               Buffer(buffer), {1}, {73});
           if (!first.ok()) return absl::InternalError(first.message());
         }
         const auto handler = s.worker.PushPull({{73, View(s.values)}}, {});
         s.server.GetBatch({.timeout = kSoon}).IgnoreError();
         s.mesh.server(1).GetBatch({.timeout = kSoon}).IgnoreError();
         return s.worker.Wait(*handler);
       },
       Code::kPermissionDenied, "key 73: is not worker 0's to push"},
      {"PushLargerThanItsBuffer",
       [](Scene& s) {
         static Floats buffer(2);
         for (const uint32_t rank : {0u, 1u}) {
           const absl::Status first = s.mesh.server(rank).RegisterRecvBuffer(
               Buffer(buffer), {0}, {74});
           if (!first.ok()) return absl::InternalError(first.message());
         }
         const auto handler =
             s.worker.PushPull({{74, View(s.long_values)}}, {});
         s.server.GetBatch({.timeout = kSoon}).IgnoreError();
         s.mesh.server(1).GetBatch({.timeout = kSoon}).IgnoreError();
         return s.worker.Wait(*handler);
       },
       Code::kInvalidArgument,
       "12 bytes are more than its receive buffer of 8"},
  };
}

class MeshMisuseTest : public TransportTest {};

INSTANTIATE_TEST_SUITE_P(Transport, MeshMisuseTest, EachTransport(),
                         TransportName);

TEST_P(MeshMisuseTest, EachIsATypedErrorAndTheMeshGoesOn) {
  TestMesh mesh({.num_workers = 2,
                 .num_servers = 2,
                 .transports = GetParam(),
                 .arena_bytes = 1 << 20,
                 .init_timeout = kHang});
  Scene scene{mesh, mesh.worker(0), mesh.server(0), 0, 0};
  FAIRLEAD_ASSERT_OK_AND_ASSIGN(
      scene.asked,
      scene.worker.PushPull({{1, View(scene.values)}}, scene.Pulls(2)));
  std::vector<MeshServerHandler> given;
  for (const uint32_t rank : {0u, 1u}) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const MeshServer::Batch batch,
                                  mesh.server(rank).GetBatch({.at_least = 1}));
    given.push_back(batch.requests[0].handler);
  }
  scene.given = given[0];
  for (const Misuse& misuse : Misuses()) {
    EXPECT_THAT(misuse.call(scene),
                StatusIs(misuse.code, HasSubstr(misuse.text)))
        << misuse.name;
  }
  for (const uint32_t rank : {0u, 1u}) {
    EXPECT_THAT(mesh.server(rank).Respond({View(scene.values)}, given[rank]),
                IsOk());
    EXPECT_THAT(
        mesh.server(rank).Respond({View(scene.values)}, given[rank]),
        StatusIs(Code::kFailedPrecondition, HasSubstr("was answered before")));
  }
  EXPECT_THAT(scene.worker.Wait(scene.asked), IsOk());
  EXPECT_EQ(scene.replies[1], scene.values);
}

TEST_P(MeshMisuseTest, KeysNameTheirWorkerWhereThatIsAskedFor) {
  TestMesh mesh({.num_workers = 2,
                 .transports = GetParam(),
                 .arena_bytes = 1 << 20,
                 .keys_name_their_worker = true,
                 .init_timeout = kHang});
  const Floats push = {1};
  EXPECT_THAT(mesh.worker(1).PushPull({{MeshKey(1, 2, 1), View(push)}}, {}),
              IsOk());
  EXPECT_THAT(mesh.worker(1).PushPull({{MeshKey(1, 2, 0), View(push)}}, {}),
              StatusIs(Code::kInvalidArgument, HasSubstr("names worker 0")));
  Floats buffer(1);
  EXPECT_THAT(
      mesh.server().RegisterRecvBuffer(Buffer(buffer), {0}, {MeshKey(1, 2, 1)}),
      StatusIs(Code::kInvalidArgument, HasSubstr("names worker 1")));
}

}  // namespace
}  // namespace fairlead::testing
