#include "tools/examples/data_parallel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/membership/membership.h"
#include "libs/membership/rendezvous.h"
#include "libs/status/status_macros.h"
#include "torch/types.h"
#include "xxhash.h"

namespace fairlead {
namespace {

// The most that a rank may say in one round.
constexpr size_t kChunk = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<DataParallel>> DataParallel::Join(
    const Options& options) {
  if (options.rank >= options.world_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--rank=", options.rank, ": of --world_size=", options.world_size,
        " ranks the last is ", int64_t{options.world_size} - 1));
  }
  Membership::Options member;
  member.registry = options.registry;
  member.security = options.security;
  member.member.set_member_name(
      absl::StrCat(options.job, "-rank-", options.rank));
  member.member.set_role(v1::ROLE_TRAINER);
  FAIRLEAD_ASSIGN_OR_RETURN(std::unique_ptr<Membership> membership,
                            Membership::Start(std::move(member)));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<DataParallel>(
      new DataParallel(options, std::move(membership)));
}

absl::StatusOr<torch::Tensor> DataParallel::Sum(const torch::Tensor& values) {
  const torch::Tensor mine = values.contiguous();
  torch::Tensor sum = torch::zeros_like(mine);
  const auto elements = static_cast<size_t>(mine.numel());
  const size_t per_chunk = kChunk / mine.element_size();
  for (size_t begin = 0; begin < elements; begin += per_chunk) {
    const auto at = static_cast<int64_t>(begin);
    const auto length =
        static_cast<int64_t>(std::min(per_chunk, elements - begin));
    const torch::Tensor part = mine.view({-1}).narrow(0, at, length);
    torch::Tensor part_sum = sum.view({-1}).narrow(0, at, length);
    const absl::string_view bytes(static_cast<const char*>(part.data_ptr()),
                                  part.nbytes());
    FAIRLEAD_ASSIGN_OR_RETURN(std::vector<Rendezvous::Value> all,
                              ranks_.AllGather(bytes, timeout_));
    // In the order of ranks everywhere, so that rounding is the same too.
    for (Rendezvous::Value& of_rank : all) {
      if (of_rank.value.size() != bytes.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat(of_rank.member_name, " gave ", of_rank.value.size(),
                         " bytes to a sum, and this rank ", bytes.size(),
                         "; do all ranks have the same flags?"));
      }
      torch::Tensor other = torch::empty_like(part);
      std::memcpy(other.data_ptr(), of_rank.value.data(), bytes.size());
      part_sum += other;
    }
  }
  return sum;
}

absl::StatusOr<bool> DataParallel::AverageGradients(
    const std::vector<torch::Tensor>& parameters,
    std::optional<int64_t> examples) {
  const auto weight = static_cast<double>(examples.value_or(0));
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& parameter : parameters) {
    const torch::Tensor& gradient = parameter.grad();
    flat.push_back(gradient.defined() && weight > 0
                       ? gradient.reshape({-1}) * weight
                       : torch::zeros({parameter.numel()}));
  }
  // Floats count exactly, up to 2^24.
  flat.push_back(
      torch::tensor({weight, examples.has_value() ? 1.0 : 0.0}, torch::kFloat));
  FAIRLEAD_ASSIGN_OR_RETURN(const torch::Tensor sum, Sum(torch::cat(flat)));
  const double total = std::max(1.0F, sum[sum.numel() - 2].item<float>());
  int64_t at = 0;
  for (const torch::Tensor& parameter : parameters) {
    parameter.mutable_grad() =
        sum.narrow(0, at, parameter.numel()).view_as(parameter) / total;
    at += parameter.numel();
  }
  return sum[at + 1].item<float>() > 0;
}

absl::StatusOr<uint64_t> DataParallel::CommonDigest(
    const std::vector<torch::Tensor>& parameters) {
  uint64_t digest = 0;
  for (const torch::Tensor& parameter : parameters) {
    const torch::Tensor values = parameter.detach().contiguous();
    digest = XXH3_64bits_withSeed(values.data_ptr(), values.nbytes(), digest);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<Rendezvous::Value> all,
      ranks_.AllGather(absl::StrCat(absl::Hex(digest, absl::kZeroPad16)),
                       timeout_));
  std::string told;
  bool same = true;
  for (const Rendezvous::Value& of_rank : all) {
    absl::StrAppend(&told, told.empty() ? "" : ", ", of_rank.member_name, " ",
                    of_rank.value);
    same = same && of_rank.value == all[0].value;
  }
  if (same) return digest;
  return absl::InternalError(
      absl::StrCat("the ranks' parameters are not the same: ", told));
}

}  // namespace fairlead
