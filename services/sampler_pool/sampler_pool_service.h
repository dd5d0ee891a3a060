#ifndef FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLER_POOL_SERVICE_H_
#define FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLER_POOL_SERVICE_H_

#include "grpcpp/grpcpp.h"
#include "protos/fairlead/v1/sampler_pool.grpc.pb.h"
#include "services/sampler_pool/pool.h"

namespace fairlead {

// Puts a Pool on the network: maps calls and codes, nothing
// else. No call waits for sampling.
class SamplerPoolService final : public v1::SamplerPoolService::Service {
 public:
  // `pool` must outlive the service.
  explicit SamplerPoolService(Pool& pool) : pool_(pool) {}

  grpc::Status RegisterInput(grpc::ServerContext* context,
                             const v1::RegisterInputRequest* request,
                             v1::RegisterInputResponse* response) override;
  grpc::Status PlanInput(grpc::ServerContext* context,
                         const v1::RegisterInputRequest* request,
                         v1::PlanSamplingInputResponse* response) override;
  grpc::Status StartEpoch(grpc::ServerContext* context,
                          const v1::StartEpochRequest* request,
                          v1::StartEpochResponse* response) override;
  grpc::Status UpdateInput(grpc::ServerContext* context,
                           const v1::UpdateChannelRequest* request,
                           v1::UpdateChannelResponse* response) override;
  grpc::Status CancelEpoch(grpc::ServerContext* context,
                           const v1::CancelEpochRequest* request,
                           v1::CancelEpochResponse* response) override;
  grpc::Status UnregisterInput(grpc::ServerContext* context,
                               const v1::UnregisterInputRequest* request,
                               v1::UnregisterInputResponse* response) override;
  grpc::Status DescribeInput(grpc::ServerContext* context,
                             const v1::DescribeInputRequest* request,
                             v1::DescribeInputResponse* response) override;
  grpc::Status ListInputs(grpc::ServerContext* context,
                          const v1::ListInputsRequest* request,
                          v1::ListInputsResponse* response) override;
  grpc::Status AttachConsumer(grpc::ServerContext* context,
                              const v1::AttachConsumerRequest* request,
                              v1::AttachConsumerResponse* response) override;

 private:
  Pool& pool_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_SAMPLER_POOL_SAMPLER_POOL_SERVICE_H_
