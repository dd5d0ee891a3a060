#ifndef FAIRLEAD_LIBS_TELEMETRY_METRIC_NAMES_H_
#define FAIRLEAD_LIBS_TELEMETRY_METRIC_NAMES_H_

namespace fairlead {

// Every metric of ours, in one place: its name (base units, `_total` for
// counters) and what it counts, with what a high value means.
//
// A label `channel` is a channel's id, with its `worker_key` beside it where
// the process knows that. At most --metrics_max_channels channels have series
// of their own; the rest are one series, channel="other": sums, and for a
// high-water mark the highest.
struct MetricName {
  const char* name;
  const char* help;
};

namespace metrics {

// --- every process -----------------------------------------------------------
inline constexpr MetricName kBuildInfo = {
    "fairlead_build_info",
    "Always 1; what was built is in the labels: version, commit, config."};
inline constexpr MetricName kReady = {
    "fairlead_ready",
    "1 while the process takes work, as its readiness probe says; else 0."};
inline constexpr MetricName kNotReady = {
    "fairlead_not_ready",
    "1 where that is why it is not ready now, by reason: joining (until the "
    "registry knows it and all that it should hold is made), store (takes no "
    "changes), draining, stopping."};
inline constexpr MetricName kRefusedCalls = {
    "fairlead_refused_calls_total",
    "Calls refused for who makes them, or for how much they have already, by "
    "code: unauthenticated, permission_denied, resource_exhausted. Rising: a "
    "certificate or token is wrong, or a limit is too low, or somebody tries. "
    "Too large messages and headers are not among them: gRPC refuses these."};
inline constexpr MetricName kWaitingCalls = {
    "fairlead_waiting_calls",
    "Calls that wait for a thread. Above 0 for long: --max_server_threads is "
    "too low, calls are slow, or a client floods."};
inline constexpr MetricName kProcessStartTime = {
    "process_start_time_seconds",
    "When the process began, in seconds since 1970. Changing: it restarts."};
inline constexpr MetricName kProcessCpuSeconds = {
    "process_cpu_seconds_total", "User and system CPU time spent."};
inline constexpr MetricName kProcessResidentMemory = {
    "process_resident_memory_bytes", "Resident memory size."};
inline constexpr MetricName kProcessOpenFds = {"process_open_fds",
                                               "Open file descriptors."};
inline constexpr MetricName kProcessMaxFds = {
    "process_max_fds", "The most file descriptors that it may open."};
inline constexpr MetricName kScrapeSeconds = {
    "fairlead_scrape_seconds", "Time to gather what a scrape asks for."};

// --- registry ----------------------------------------------------------------
inline constexpr MetricName kRegistryMembers = {
    "fairlead_registry_members", "Members whose lease runs, by role."};
inline constexpr MetricName kRegistryDrainingMembers = {
    "fairlead_registry_draining_members",
    "Members that an operator has told to take nothing new."};
inline constexpr MetricName kRegistryJoins = {
    "fairlead_registry_joins_total",
    "Leases granted to members that joined. Rising though nothing is started: "
    "members lose their leases and come again."};
inline constexpr MetricName kRegistryRenewals = {
    "fairlead_registry_lease_renewals_total", "Leases renewed by a heartbeat."};
inline constexpr MetricName kRegistryExpiredLeases = {
    "fairlead_registry_expired_leases_total",
    "Leases that ran out. Many: members die, or the network stalls for longer "
    "than a lease."};
inline constexpr MetricName kRegistryBackends = {
    "fairlead_registry_backends", "Sampling backends that exist."};
inline constexpr MetricName kRegistryChannels = {
    "fairlead_registry_channels",
    "Channels that exist, by state: assigned (their pool is here), paused (by "
    "an operator), lost (their pool is away)."};
inline constexpr MetricName kRegistryEpochs = {
    "fairlead_registry_epochs_total",
    "Epochs that trainers began, one for each channel. A call that is sent "
    "twice counts once."};
inline constexpr MetricName kRegistryResumedEpochs = {
    "fairlead_registry_resumed_epochs_total",
    "Epochs begun again for what was missing, as a later attempt. Many: "
    "streams break, or services restart."};
inline constexpr MetricName kRegistryMovedChannels = {
    "fairlead_registry_moved_channels_total",
    "Channels given to another pool of their partition, since one came, went "
    "or drained. Rising all the time: a pool or gateway comes and goes."};
inline constexpr MetricName kRegistryRefusedMoves = {
    "fairlead_registry_refused_moves_total",
    "Channels that another pool of their partition did not take, and which "
    "stay where they are. Any: it has less room (--shm_budget) than those "
    "whose channels it should take over."};
inline constexpr MetricName kRegistryStoreCommitSeconds = {
    "fairlead_registry_store_commit_seconds",
    "Time to make one change durable. High: the store's disk is slow."};
inline constexpr MetricName kRegistryStoreFailures = {
    "fairlead_registry_store_failures_total",
    "Changes that the store did not take. Any: its disk is full, or etcd is "
    "away; the registry is not ready until one goes through."};
inline constexpr MetricName kRegistryReconcileLag = {
    "fairlead_registry_reconcile_lag_seconds",
    "How long the oldest difference between what pools should hold and what "
    "they were told has stood: a pool with channels is away or has not asked "
    "for them, or could not be told of an end. 0: none."};

// --- sampler pool ------------------------------------------------------------
inline constexpr MetricName kPoolBatches = {
    "fairlead_pool_batches_total",
    "Batches that came to an end, by result: ok, or failed."};
inline constexpr MetricName kPoolBatchBytes = {
    "fairlead_pool_batch_bytes_total", "Bytes of batches handed to channels."};
inline constexpr MetricName kPoolSampledEdges = {
    "fairlead_pool_sampled_edges_total",
    "Edges in batches handed to channels."};
inline constexpr MetricName kPoolDeviceBatches = {
    "fairlead_pool_device_batches_total",
    "Batches whose neighbourhoods a GPU sampled. The others of all batches are "
    "of kinds that the CPU samples, or --graph_mode is cpu."};
inline constexpr MetricName kPoolStageSeconds = {
    "fairlead_pool_stage_seconds",
    "Time of one batch in each stage: queued (its channel had room; high: the "
    "pool is busy with others), sample (topology, without remote), remote "
    "(put aside until other partitions answered; high: a partition or the "
    "network is slow), room (made, until its channel had room; high: the "
    "trainer is the slower side), features (features and labels into shared "
    "memory), commit (the message's last stamps, and the channel told)."};
inline constexpr MetricName kPoolWaitsForRoom = {
    "fairlead_pool_waits_for_room_total",
    "Batches that were sampled and then waited for room in their channel. "
    "Many: buffers are small for their messages, or trainers are slow."};
inline constexpr MetricName kPoolPutAside = {
    "fairlead_pool_put_aside_batches",
    "Batches that wait for other partitions."};
inline constexpr MetricName kPoolSuspectBatches = {
    "fairlead_pool_suspect_batches",
    "Batches that were in the making when a pool died here and have not been "
    "made since, by state: suspect (is sampled alone), poisonous (has died "
    "alone --poison_attempts times, and fails untried)."};
inline constexpr MetricName kPoolPeerCalls = {
    "fairlead_pool_peer_calls_total",
    "Calls to sampler pools of other partitions, by result: ok, failed (most "
    "are made again elsewhere), given_up (its batch failed)."};
inline constexpr MetricName kPoolPeerCallSeconds = {
    "fairlead_pool_peer_call_seconds",
    "Time of one call to a pool of another partition, by partition. One "
    "partition higher than the others: it, or the road to it, is slow."};
inline constexpr MetricName kPoolPeerBytes = {
    "fairlead_pool_peer_bytes_total",
    "Bytes of these calls, by direction: sent, received."};
inline constexpr MetricName kPoolFeatureCacheLookups = {
    "fairlead_pool_feature_cache_lookups_total",
    "Rows of other partitions that were looked for among those that are kept, "
    "by result: hit, miss. Few hits: --feature_cache is small."};
inline constexpr MetricName kPoolFeatureCacheBytes = {
    "fairlead_pool_feature_cache_bytes",
    "Memory of rows of other partitions; --feature_cache is its bound."};
inline constexpr MetricName kPoolChannels = {
    "fairlead_pool_channels",
    "Channels by state: idle, runnable, parked (its buffer is full; the "
    "trainer is the slower side), paused, initialising, tearing_down, failed."};
inline constexpr MetricName kPoolChannelStateSeconds = {
    "fairlead_pool_channel_state_seconds_total",
    "Time that a channel spent in each state: idle, runnable, parked, paused. "
    "Mostly runnable: it waits for workers; mostly parked: for its trainer."};
inline constexpr MetricName kPoolChannelBatches = {
    "fairlead_pool_channel_batches",
    "Batches of a channel's epoch, by phase: total, submitted, completed, "
    "failed."};
inline constexpr MetricName kPoolChannelEndedBatches = {
    "fairlead_pool_channel_ended_batches_total",
    "Batches of a channel that came to an end, of all its epochs, by result: "
    "ok, failed."};
inline constexpr MetricName kPoolChannelInFlight = {
    "fairlead_pool_channel_in_flight_batches",
    "Batches of a channel in the making, or made and waiting for room."};
inline constexpr MetricName kPoolChannelCredit = {
    "fairlead_pool_channel_credit_batches",
    "Batches of a channel that may be begun before its buffer is full. 0 for "
    "long: its trainer is the slower side."};
inline constexpr MetricName kPoolChannelWorkerSeconds = {
    "fairlead_pool_channel_worker_seconds_total",
    "Worker time spent on a channel. Its rate, over that of all channels, is "
    "the channel's share."};
inline constexpr MetricName kPoolWorkerBusySeconds = {
    "fairlead_pool_worker_busy_seconds_total",
    "Time that a worker spent on batches. The rate of all near their number: "
    "more workers, or a smaller fanout, would help."};
inline constexpr MetricName kPoolWorkers = {"fairlead_pool_workers",
                                            "Sampling threads."};
inline constexpr MetricName kPoolShmBudget = {
    "fairlead_pool_shm_budget_bytes",
    "Most that all channels' buffers may take: --shm_budget."};
inline constexpr MetricName kPoolShmPromised = {
    "fairlead_pool_shm_promised_bytes",
    "Bytes of --shm_budget that channels' buffers have. Near it: further "
    "channels are refused."};

// --- shared memory, as the pool sees it
inline constexpr MetricName kShmMessages = {
    "fairlead_shm_messages",
    "Messages that wait in a channel's buffer for its gateway."};
inline constexpr MetricName kShmCapacityBytes = {"fairlead_shm_capacity_bytes",
                                                 "Size of a channel's buffer."};
inline constexpr MetricName kShmUsedBytes = {
    "fairlead_shm_used_bytes",
    "Bytes of a channel's buffer that are promised, written, waiting or "
    "held."};
inline constexpr MetricName kShmHighWaterBytes = {
    "fairlead_shm_high_water_bytes",
    "The most bytes of a channel's buffer that were in use. Near its size: a "
    "larger buffer may help."};
inline constexpr MetricName kShmReclaimedMessages = {
    "fairlead_shm_reclaimed_messages_total",
    "Messages taken back from processes that died. Rising: gateways crash."};
inline constexpr MetricName kShmWaitSeconds = {
    "fairlead_shm_wait_seconds_total",
    "Time inside calls that wait on a channel's buffer, by end: producer (for "
    "room), consumer (for messages). Pool and gateway never wait in one: "
    "theirs stays 0, others' shows the slower end."};

// --- channel gateway ---------------------------------------------------------
inline constexpr MetricName kGatewayMessages = {
    "fairlead_gateway_messages_total",
    "Messages handed to trainers, by kind: batch, batch_error, epoch_end."};
inline constexpr MetricName kGatewayBytes = {
    "fairlead_gateway_bytes_total", "Bytes of messages handed to trainers."};
inline constexpr MetricName kGatewayResentMessages = {
    "fairlead_gateway_resent_messages_total",
    "Of these, messages of a later attempt at their epoch than the first. "
    "Many: streams break."};
inline constexpr MetricName kGatewayFetches = {
    "fairlead_gateway_fetches_total",
    "Unary fetches, by result: message, timeout, or error."};
inline constexpr MetricName kGatewaySlowFetches = {
    "fairlead_gateway_slow_fetches_total",
    "Unary fetches that took a second or longer, from the call to the answer."};
inline constexpr MetricName kGatewayStaleMessages = {
    "fairlead_gateway_stale_messages_total",
    "Messages of earlier epochs or attempts that were dropped. Many: trainers "
    "break off epochs, or links break."};
inline constexpr MetricName kGatewaySubscriptions = {
    "fairlead_gateway_subscriptions", "Open trainer streams."};
inline constexpr MetricName kGatewayChannels = {"fairlead_gateway_channels",
                                                "Channels attached."};
inline constexpr MetricName kGatewayMappedBytes = {
    "fairlead_gateway_mapped_bytes",
    "Bytes of channel segments mapped, out of --shm_budget."};
inline constexpr MetricName kGatewayDataWaitSeconds = {
    "fairlead_gateway_data_wait_seconds",
    "How long a trainer with credit waited for its next message. High: "
    "sampling is the slower side."};
inline constexpr MetricName kGatewayEncodeSeconds = {
    "fairlead_gateway_encode_seconds",
    "Time to put a message into the form in which it is sent. Its bytes are "
    "not copied for that: high means a gateway short of CPU."};
inline constexpr MetricName kGatewaySendSeconds = {
    "fairlead_gateway_send_seconds",
    "Time from handing a message to the transport until it takes the next. "
    "High: the network, or the trainer's link, is the slower side."};
inline constexpr MetricName kGatewayChannelWaitSeconds = {
    "fairlead_gateway_channel_wait_seconds_total",
    "Where a trainer's stream waits, by for: data (for the pool: sampling is "
    "slower), credit (for the trainer to ask for more), transport (for the "
    "network to take a message)."};
inline constexpr MetricName kGatewayChannelMessages = {
    "fairlead_gateway_channel_messages_total",
    "Messages of a channel handed to its trainer."};
inline constexpr MetricName kGatewayChannelBytes = {
    "fairlead_gateway_channel_bytes_total",
    "Bytes of these messages: what of the gateway's link is the channel's."};
inline constexpr MetricName kGatewayChannelCreditHeldSeconds = {
    "fairlead_gateway_channel_credit_held_seconds_total",
    "Where the credit for a channel's sampled batches was until their trainer "
    "gave it back, by side: network (the batch on its way, and the answer), "
    "trainer (until it took the batch). Of a stream that waits for credit: "
    "more in the network means a slow link, whose own buffers hold all that "
    "the trainer asks for, and no slow trainer."};
inline constexpr MetricName kGatewayCredit = {
    "fairlead_gateway_credit_messages",
    "Messages that a channel's trainer will still take. 0 for long: the "
    "trainer is the slower side."};
inline constexpr MetricName kGatewayTimelineSeconds = {
    "fairlead_gateway_timeline_seconds",
    "Time of a sampled batch in each stage of its way: queue, sample, "
    "features, commit, shm, send, network, consume."};
inline constexpr MetricName kGatewayAttachFailures = {
    "fairlead_gateway_attach_failures_total",
    "Tries to attach a channel that failed. Rising: the registry or a sampler "
    "pool is away."};

// --- trainer -----------------------------------------------------------------
inline constexpr MetricName kLoaderBatches = {
    "fairlead_loader_batches_total", "Batches that a trainer was given."};
inline constexpr MetricName kLoaderRequestedBatches = {
    "fairlead_loader_requested_batches_total",
    "Batches that servers were given credit for."};
inline constexpr MetricName kLoaderStartSeconds = {
    "fairlead_loader_start_seconds_total",
    "Time spent in starting epochs on servers. High: epochs are short, or the "
    "registry is slow."};
inline constexpr MetricName kLoaderQueuedBatches = {
    "fairlead_loader_queued_batches",
    "Batches that are here and wait for the trainer. 0 for long: the trainer "
    "is the faster side."};
inline constexpr MetricName kLoaderPrefetchBatches = {
    "fairlead_loader_prefetch_batches",
    "Batches that may be on the way to a trainer or wait there, of all its "
    "servers together: prefetch_size of each. Where that is auto: what hides "
    "the link's length. At its bound, with a trainer that waits: raise the "
    "bound."};
inline constexpr MetricName kLoaderWaitSeconds = {
    "fairlead_loader_wait_seconds_total",
    "Time that a trainer waited for batches. High: sampling or the network is "
    "the slower side."};
inline constexpr MetricName kLoaderStalls = {
    "fairlead_loader_stalls_total",
    "Batches that a trainer waited for a second or longer."};
inline constexpr MetricName kLoaderDecodeSeconds = {
    "fairlead_loader_decode_seconds_total",
    "Time spent in reading messages' headers and checking them. Tensors alias "
    "a message's bytes: high means a trainer short of CPU."};
inline constexpr MetricName kLoaderCopySeconds = {
    "fairlead_loader_copy_seconds_total",
    "Time spent in copying batches to a device as they arrive. (Pinned memory "
    "they are received into: that is part of decoding.)"};

}  // namespace metrics
}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TELEMETRY_METRIC_NAMES_H_
