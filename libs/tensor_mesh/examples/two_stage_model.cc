// A model of two stages, each on processes of its own, as for decoding large
// language models: attention on the workers, which hold the sequences, and
// the feed-forward layers on the servers, which each hold half of every
// layer. Per layer a worker pushes a micro-batch of its tokens to all servers,
// pulls their parts of the result, and adds them; three micro-batches are in
// flight, so that one is exchanged while the others are computed.
//
//   mkdir /tmp/run
//   two_stage_model --role=server --rank=0 --folder=/tmp/run &
//   two_stage_model --role=server --rank=1 --folder=/tmp/run &
//   two_stage_model --role=worker --rank=1 --folder=/tmp/run &
//   two_stage_model --role=worker --rank=0 --folder=/tmp/run
//
// Each worker prints its output. --role=local computes the same in one process,
// and prints the same to the last bit: so does the test.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/command_line/command_line.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/examples/example_member.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/torch_mesh.h"
#include "torch/types.h"
#include "torch/utils.h"

namespace fairlead {
namespace {

constexpr int64_t kLayers = 3;
constexpr uint32_t kMicroBatches = 3;
constexpr int64_t kTokens = 8;  // of a worker's micro-batch
constexpr int64_t kHidden = 32;
constexpr int64_t kInner = 64;  // of a server's part of a layer

// Weights and inputs: the same in every process.
torch::Tensor Random(uint64_t seed, torch::IntArrayRef shape) {
  torch::Generator generator = at::detail::createCPUGenerator(seed);
  return torch::randn(shape, generator) * 0.2;
}

torch::Tensor Input(uint32_t worker, uint32_t micro_batch) {
  return Random(1000 + kMicroBatches * worker + micro_batch,
                {kTokens, kHidden});
}

// The first stage: one head of attention among a micro-batch's tokens.
torch::Tensor Attend(int64_t layer, const torch::Tensor& tokens) {
  const torch::Tensor weights =
      Random(static_cast<uint64_t>(layer), {kHidden, 3 * kHidden});
  const std::vector<torch::Tensor> qkv =
      torch::matmul(tokens, weights).chunk(3, 1);
  return tokens +
         torch::matmul(torch::softmax(torch::matmul(qkv[0], qkv[1].t()), 1),
                       qkv[2]);
}

// The second: one server's part of the layer, for the tokens of all workers.
torch::Tensor FeedForward(int64_t layer, uint32_t server,
                          const torch::Tensor& tokens) {
  const uint64_t seed = 100 + 10 * static_cast<uint64_t>(layer) + server;
  return torch::matmul(
      torch::relu(torch::matmul(tokens, Random(seed, {kHidden, kInner}))),
      Random(seed + 500, {kInner, kHidden}));
}

void Print(uint32_t worker, const std::vector<torch::Tensor>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    printf("worker %u micro-batch %zu:", worker, i);
    const torch::Tensor flat = outputs[i].flatten().contiguous();
    for (int64_t j = 0; j < flat.numel(); j += 37) {
      printf(" %a", double{flat[j].item<float>()});
    }
    printf("\n");
  }
}

void RunLocally() {
  const uint32_t workers = ExampleWorkers();
  std::vector<std::vector<torch::Tensor>> tokens(workers);
  for (uint32_t worker = 0; worker < workers; ++worker) {
    for (uint32_t m = 0; m < kMicroBatches; ++m) {
      tokens[worker].push_back(Input(worker, m));
    }
  }
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    for (uint32_t m = 0; m < kMicroBatches; ++m) {
      std::vector<torch::Tensor> attended;
      for (uint32_t worker = 0; worker < workers; ++worker) {
        attended.push_back(Attend(layer, tokens[worker][m]));
      }
      std::vector<torch::Tensor> parts;
      for (uint32_t server = 0; server < ExampleServers(); ++server) {
        parts.push_back(FeedForward(layer, server, torch::cat(attended)));
      }
      for (uint32_t worker = 0; worker < workers; ++worker) {
        tokens[worker][m] = attended[worker];
        for (const torch::Tensor& part : parts) {
          tokens[worker][m] =
              tokens[worker][m] +
              part.slice(0, kTokens * worker, kTokens * (worker + 1));
        }
      }
    }
  }
  for (uint32_t worker = 0; worker < workers; ++worker) {
    Print(worker, tokens[worker]);
  }
}

absl::Status RunWorker(const ExampleMember& member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeshWorker> worker,
      MeshWorker::Create(member.config, member.rendezvous));
  // Servers say where they want the pushes before any is sent.
  FAIRLEAD_RETURN_IF_ERROR(worker->Barrier());
  struct MicroBatch {
    torch::Tensor tokens;
    torch::Tensor pushed;                // in mesh memory: not copied
    std::vector<torch::Tensor> replies;  // by server
    std::vector<uint64_t> reply_keys;
    MeshHandler handler = 0;
  };
  const uint32_t rank = member.config.rank;
  std::vector<MicroBatch> batches(kMicroBatches);
  for (uint32_t m = 0; m < kMicroBatches; ++m) {
    batches[m].tokens = Input(rank, m);
    FAIRLEAD_ASSIGN_OR_RETURN(
        batches[m].pushed,
        torch_mesh::AllocateTensor(*worker, {kTokens, kHidden}, torch::kFloat));
    for (uint32_t server = 0; server < member.config.num_servers; ++server) {
      FAIRLEAD_ASSIGN_OR_RETURN(
          batches[m].replies.emplace_back(),
          torch_mesh::AllocateTensor(*worker, {kTokens, kHidden},
                                     torch::kFloat));
      batches[m].reply_keys.push_back(MeshKey(server, m, rank));
    }
  }
  const auto finish = [&worker](MicroBatch& batch) -> absl::Status {
    FAIRLEAD_RETURN_IF_ERROR(worker->Wait(batch.handler));
    batch.tokens = batch.pushed;
    for (const torch::Tensor& reply : batch.replies) {
      batch.tokens = batch.tokens + reply;
    }
    return absl::OkStatus();
  };
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    for (uint32_t m = 0; m < kMicroBatches; ++m) {
      MicroBatch& batch = batches[m];
      if (layer > 0) FAIRLEAD_RETURN_IF_ERROR(finish(batch));
      batch.pushed.copy_(Attend(layer, batch.tokens));
      FAIRLEAD_ASSIGN_OR_RETURN(
          batch.handler,
          torch_mesh::PushPull(*worker, {batch.pushed}, {MeshKey(0, m, rank)},
                               batch.replies, batch.reply_keys));
    }
  }
  std::vector<torch::Tensor> outputs;
  for (MicroBatch& batch : batches) {
    FAIRLEAD_RETURN_IF_ERROR(finish(batch));
    outputs.push_back(batch.tokens);
  }
  Print(rank, outputs);
  return worker->Stop();
}

absl::Status RunServer(const ExampleMember& member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeshServer> server,
      MeshServer::Create(member.config, member.rendezvous));
  // A micro-batch of all workers lands in one tensor: one multiplication for
  // all, and nothing to gather.
  const uint32_t workers = member.config.num_workers;
  std::vector<uint32_t> ranks;
  for (uint32_t rank = 0; rank < workers; ++rank) ranks.push_back(rank);
  std::vector<torch::Tensor> received(kMicroBatches);
  for (uint32_t m = 0; m < kMicroBatches; ++m) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        received[m], torch_mesh::AllocateTensor(
                         *server, {workers * kTokens, kHidden}, torch::kFloat));
    std::vector<uint64_t> keys;
    for (const uint32_t rank : ranks) keys.push_back(MeshKey(0, m, rank));
    FAIRLEAD_RETURN_IF_ERROR(
        torch_mesh::RegisterRecvBuffer(*server, received[m], ranks, keys));
  }
  FAIRLEAD_RETURN_IF_ERROR(server->Barrier());
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    for (uint32_t m = 0; m < kMicroBatches; ++m) {
      FAIRLEAD_ASSIGN_OR_RETURN(const torch_mesh::Batch batch,
                                torch_mesh::GetBatch(*server));
      std::vector<torch::Tensor> tensors;
      std::vector<MeshServerHandler> handlers;
      for (const torch_mesh::Request& request : batch.requests) {
        tensors.push_back(request.tensors.at(0));
        handlers.push_back(request.handler);
      }
      FAIRLEAD_RETURN_IF_ERROR(torch_mesh::RespondVec(
          *server, FeedForward(layer, member.config.rank, received[m]), tensors,
          handlers));
    }
  }
  return server->Stop();
}

absl::Status Main() {
  torch::NoGradGuard no_gradients;
  torch::set_num_threads(1);
  if (IsLocalExample()) {
    RunLocally();
    return absl::OkStatus();
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const ExampleMember member,
                            ExampleMemberFromFlags());
  return member.config.role == MeshRole::kWorker ? RunWorker(member)
                                                 : RunServer(member);
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "A model of two stages: attention on workers, feed-forward on servers, "
      "three "
      "micro-batches in flight. Its output equals the model's in one process.\n"
      "  two_stage_model\n"
      "  two_stage_model --role=worker --rank=0 --folder=FOLDER",
      __FILE__);
  return fairlead::ExitCode("two_stage_model", fairlead::Main());
}
