#ifndef FAIRLEAD_TOOLS_FAIRLEADCTL_ACTIVITY_H_
#define FAIRLEAD_TOOLS_FAIRLEADCTL_ACTIVITY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"
#include "protos/fairlead/v1/registry.pb.h"
#include "tools/fairleadctl/snapshot.h"

namespace fairlead {

// What a channel did between two snapshots. Fractions are of that time.
struct ChannelActivity {
  v1::ChannelDescription channel;  // at its end
  double batches_per_second = 0;
  double bytes_per_second = 0;
  double workers = 0;         // that it kept busy, on average
  double worker_share = 0;    // of what all channels of the pool did
  double runnable = 0;        // waits for a worker, or has one
  double parked = 0;          // waits for room
  double wait_data = 0;       // its stream waits for the pool
  double wait_credit = 0;     // its stream waits for the trainer
  double wait_transport = 0;  // its stream waits for the network
  // While it waits for the trainer: who has the credit of sampled batches, as
  // parts of 1; both 0 if no such batch came back.
  double credit_in_network = 0;
  double credit_at_trainer = 0;
  double buffer_fill = 0;  // at the end, of its size

  nlohmann::ordered_json ToJson() const;
};

struct PeerActivity {
  double calls_per_second = 0;
  double mean_seconds = 0;  // of one call; 0 without calls
};

struct PoolActivity {
  std::string name;
  absl::Status status;  // why nothing is known of it
  double workers = 0;
  double busy = 0;  // of these, on average
  double batches_per_second = 0;
  double bytes_per_second = 0;
  double waits_for_room_per_second = 0;
  double put_aside = 0;                       // batches, at the end
  std::map<std::string, PeerActivity> peers;  // by partition

  nlohmann::ordered_json ToJson() const;
};

struct GatewayActivity {
  std::string name;
  absl::Status status;
  double streams = 0;
  double messages_per_second = 0;
  double bytes_per_second = 0;

  nlohmann::ordered_json ToJson() const;
};

struct ClusterActivity {
  double seconds = 0;  // that passed
  std::vector<ChannelActivity> channels;
  std::map<std::string, PoolActivity> pools;  // by member_name
  std::map<std::string, GatewayActivity> gateways;

  nlohmann::ordered_json ToJson() const;
};

// Pure. A counter that fell belongs to a process that began anew: it counts
// from 0. What is in the second snapshot alone has done nothing yet.
ClusterActivity Compare(const ClusterSnapshot& before,
                        const ClusterSnapshot& after);

}  // namespace fairlead

#endif  // FAIRLEAD_TOOLS_FAIRLEADCTL_ACTIVITY_H_
