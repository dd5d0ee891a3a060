// Training of a graph neural network whose node embeddings, and weights, live
// on servers, which may hold more of them than any worker could. Server s of S
// owns the rows whose number is s modulo S. Per step a worker
//   1. pushes the row numbers that its batch needs, and pulls from each server
//      the rows that it owns, with zeros for the others: their sum is all rows;
//   2. computes the loss, and the gradient of these rows;
//   3. pushes numbers and gradients; each server adds up those of all workers,
//      in the order of their ranks, and takes a step.
// Both are one GetBatch of all workers, so training is synchronous.
//
// Started as two_stage_model.cc is. Each worker prints its losses; --role=local
// trains in one process and prints the same to the last bit: so does the test.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/command_line/command_line.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/examples/example_member.h"
#include "libs/tensor_mesh/mesh_config.h"
#include "libs/tensor_mesh/mesh_server.h"
#include "libs/tensor_mesh/mesh_worker.h"
#include "libs/tensor_mesh/torch_mesh.h"
#include "torch/nn/functional/loss.h"
#include "torch/types.h"
#include "torch/utils.h"

namespace fairlead {
namespace {

constexpr int64_t kNodes = 120;
constexpr int64_t kClasses = 8;
constexpr int64_t kWidth = kClasses;  // of a row
// The weights are rows, too, behind those of the nodes: of a node itself, and
// of the mean of its neighbours.
constexpr int64_t kRows = kNodes + 2 * kWidth;
constexpr int64_t kSeeds = 20;
constexpr int64_t kFanout = 3;
constexpr int64_t kSteps = 30;
constexpr double kRate = 2;

// The keys of a worker's tensors.
enum KeyId : uint32_t { kNumbers = 0, kGradients = 1, kPulledRows = 2 };

// A node's class is its number modulo kClasses, and its neighbours are mostly
// of its class.
int64_t ClassOf(int64_t node) { return node % kClasses; }
int64_t NeighborOf(int64_t node, uint64_t draw) {
  const int64_t noise = draw % 5 == 0 ? 1 : 0;
  return (node + noise + kClasses * static_cast<int64_t>(draw % 7)) % kNodes;
}

torch::Tensor InitialTable() {
  torch::Generator generator = at::detail::createCPUGenerator(7);
  return torch::randn({kRows, kWidth}, generator) * 0.3;
}

// What a worker samples for a step: always as many numbers, the same one more
// than once if it must be.
struct Sample {
  torch::Tensor numbers;  // seeds, their neighbours, weights
  torch::Tensor classes;  // of the seeds
};
Sample SampleOf(uint32_t worker, int64_t step) {
  RandomStream random(/*key=*/11, /*place=*/worker,
                      /*lane=*/static_cast<uint32_t>(step));
  std::vector<int64_t> numbers;
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < kSeeds; ++i) {
    numbers.push_back(static_cast<int64_t>(random.Below(kNodes)));
    classes.push_back(ClassOf(numbers.back()));
  }
  for (int64_t i = 0; i < kSeeds; ++i) {
    for (int64_t j = 0; j < kFanout; ++j) {
      numbers.push_back(
          NeighborOf(numbers[static_cast<size_t>(i)], random.Next32()));
    }
  }
  for (int64_t row = kNodes; row < kRows; ++row) numbers.push_back(row);
  return {torch::tensor(numbers), torch::tensor(classes)};
}

constexpr int64_t kNumbersOfSample = kSeeds * (1 + kFanout) + 2 * kWidth;

struct Step {
  float loss = 0;
  torch::Tensor gradients;  // of the rows
};
// One layer of GraphSAGE with the mean of the neighbours.
Step Train(const Sample& sample, const torch::Tensor& pulled) {
  const torch::Tensor rows = pulled.clone().requires_grad_(true);
  const torch::Tensor self = rows.slice(0, 0, kSeeds);
  const torch::Tensor mean = rows.slice(0, kSeeds, kSeeds * (1 + kFanout))
                                 .view({kSeeds, kFanout, kWidth})
                                 .mean(1);
  const std::vector<torch::Tensor> weights =
      rows.slice(0, kSeeds * (1 + kFanout)).chunk(2, 0);
  const torch::Tensor scores = torch::matmul(torch::tanh(self), weights[0]) +
                               torch::matmul(torch::tanh(mean), weights[1]);
  const torch::Tensor loss =
      torch::nn::functional::cross_entropy(scores, sample.classes);
  loss.backward();
  return {loss.item<float>(), rows.grad()};
}

// What a server owns of the rows of these numbers; the whole with one server.
torch::Tensor RowsOf(const torch::Tensor& table, const torch::Tensor& numbers,
                     int64_t server, int64_t servers) {
  const torch::Tensor owned = (numbers % servers == server).unsqueeze(1);
  return torch::where(owned, table.index_select(0, numbers), torch::zeros({1}));
}
void Apply(torch::Tensor& table, const torch::Tensor& numbers,
           const torch::Tensor& gradients, int64_t server, int64_t servers) {
  const auto number = numbers.accessor<int64_t, 1>();
  for (int64_t i = 0; i < numbers.size(0); ++i) {
    if (number[i] % servers != server) continue;
    table[number[i]].sub_(gradients[i], kRate);
  }
}

void Print(uint32_t worker, int64_t step, float loss) {
  printf("worker %u step %lld: loss %a\n", worker, static_cast<long long>(step),
         double{loss});
}

void RunLocally() {
  torch::Tensor table = InitialTable();
  for (int64_t step = 0; step < kSteps; ++step) {
    std::vector<Sample> samples;
    std::vector<torch::Tensor> gradients;
    for (uint32_t worker = 0; worker < ExampleWorkers(); ++worker) {
      samples.push_back(SampleOf(worker, step));
      const Step done =
          Train(samples.back(), RowsOf(table, samples.back().numbers, 0, 1));
      gradients.push_back(done.gradients);
      Print(worker, step, done.loss);
    }
    for (size_t i = 0; i < samples.size(); ++i) {
      Apply(table, samples[i].numbers, gradients[i], 0, 1);
    }
  }
}

absl::Status RunWorker(const ExampleMember& member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeshWorker> worker,
      MeshWorker::Create(member.config, member.rendezvous));
  const uint32_t rank = member.config.rank;
  const uint64_t numbers_key = MeshKey(kNumbers, 0, rank);
  const uint64_t gradients_key = MeshKey(kGradients, 0, rank);
  std::vector<torch::Tensor> parts;  // by server
  std::vector<uint64_t> parts_keys;
  for (uint32_t server = 0; server < member.config.num_servers; ++server) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        parts.emplace_back(),
        torch_mesh::AllocateTensor(*worker, {kNumbersOfSample, kWidth},
                                   torch::kFloat));
    parts_keys.push_back(MeshKey(kPulledRows + server, 0, rank));
  }
  for (int64_t step = 0; step < kSteps; ++step) {
    const Sample sample = SampleOf(rank, step);
    FAIRLEAD_ASSIGN_OR_RETURN(
        const MeshHandler pull,
        torch_mesh::PushPull(*worker, {sample.numbers}, {numbers_key}, parts,
                             parts_keys));
    FAIRLEAD_RETURN_IF_ERROR(worker->Wait(pull));
    torch::Tensor rows = parts[0].clone();
    for (size_t i = 1; i < parts.size(); ++i) rows += parts[i];
    const Step done = Train(sample, rows);
    Print(rank, step, done.loss);
    FAIRLEAD_ASSIGN_OR_RETURN(
        const MeshHandler push,
        torch_mesh::PushPull(*worker,
                             {sample.numbers, done.gradients.contiguous()},
                             {numbers_key, gradients_key}, {}, {}));
    FAIRLEAD_RETURN_IF_ERROR(worker->Wait(push));
  }
  return worker->Stop();
}

absl::Status RunServer(const ExampleMember& member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeshServer> server,
      MeshServer::Create(member.config, member.rendezvous));
  const int64_t rank = member.config.rank;
  const int64_t servers = member.config.num_servers;
  torch::Tensor table = InitialTable();
  for (int64_t step = 0; step < kSteps; ++step) {
    FAIRLEAD_ASSIGN_OR_RETURN(const torch_mesh::Batch asked,
                              torch_mesh::GetBatch(*server));
    for (const torch_mesh::Request& request : asked.requests) {
      FAIRLEAD_RETURN_IF_ERROR(torch_mesh::Respond(
          *server,
          {RowsOf(table, request.tensors.at(0), rank, servers).contiguous()},
          request.handler));
    }
    FAIRLEAD_ASSIGN_OR_RETURN(const torch_mesh::Batch pushed,
                              torch_mesh::GetBatch(*server));
    for (const torch_mesh::Request& request : pushed.requests) {
      Apply(table, request.tensors.at(0), request.tensors.at(1), rank, servers);
    }
    for (const torch_mesh::Request& request : pushed.requests) {
      FAIRLEAD_RETURN_IF_ERROR(
          torch_mesh::Respond(*server, {}, request.handler));
    }
  }
  return server->Stop();
}

absl::Status Main() {
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
      "Training with embeddings that live on servers: workers pull rows and "
      "push "
      "their gradients.\n"
      "  sparse_embedding\n"
      "  sparse_embedding --role=server --rank=0 --folder=FOLDER",
      __FILE__);
  return fairlead::ExitCode("sparse_embedding", fairlead::Main());
}
