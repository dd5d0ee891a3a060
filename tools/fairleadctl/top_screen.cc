#include "tools/fairleadctl/top_screen.h"

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tools/fairleadctl/activity.h"
#include "tools/fairleadctl/describe_json.h"
#include "tools/fairleadctl/table.h"
#include "tools/fairleadctl/units.h"

namespace fairlead {
namespace {

struct Order {
  TopOrder order;
  char key;
  const char* word;
};
constexpr Order kOrders[] = {{TopOrder::kShare, 's', "share"},
                             {TopOrder::kBatches, 'b', "batches"},
                             {TopOrder::kBytes, 'y', "bytes"},
                             {TopOrder::kFill, 'f', "fill"},
                             {TopOrder::kChannel, 'c', "channel"}};

double Rank(const ChannelActivity& channel, TopOrder order) {
  switch (order) {
    case TopOrder::kShare:
      return channel.workers;
    case TopOrder::kBatches:
      return channel.batches_per_second;
    case TopOrder::kBytes:
      return channel.bytes_per_second;
    case TopOrder::kFill:
      return channel.buffer_fill;
    case TopOrder::kChannel:
      break;
  }
  return -static_cast<double>(channel.channel.channel_id());
}

std::string Number(double value) { return absl::StrFormat("%.1f", value); }

Table Services(const ClusterActivity& activity) {
  Table table({{"service"},
               {"busy", Table::kRight},
               {"of", Table::kRight},
               {"batches/s", Table::kRight},
               {"bytes/s", Table::kRight},
               {"streams", Table::kRight},
               {"aside", Table::kRight}});
  for (const auto& [name, pool] : activity.pools) {
    if (!pool.status.ok()) {
      table.AddRow({name, "?", "?", "?", "?", "", "?"});
      continue;
    }
    table.AddRow({name, Number(pool.busy),
                  absl::StrFormat("%.0f", pool.workers),
                  Number(pool.batches_per_second), Bytes(pool.bytes_per_second),
                  "", absl::StrFormat("%.0f", pool.put_aside)});
  }
  for (const auto& [name, gateway] : activity.gateways) {
    if (!gateway.status.ok()) {
      table.AddRow({name, "", "", "?", "?", "?", ""});
      continue;
    }
    table.AddRow({name, "", "", Number(gateway.messages_per_second),
                  Bytes(gateway.bytes_per_second),
                  absl::StrFormat("%.0f", gateway.streams), ""});
  }
  return table;
}

Table Channels(const ClusterActivity& activity, TopOrder order) {
  std::vector<const ChannelActivity*> channels;
  for (const ChannelActivity& channel : activity.channels) {
    channels.push_back(&channel);
  }
  std::stable_sort(channels.begin(), channels.end(),
                   [order](const ChannelActivity* a, const ChannelActivity* b) {
                     return Rank(*a, order) > Rank(*b, order);
                   });
  Table table({{"channel", Table::kRight},
               {"worker_key"},
               {"state"},
               {"share", Table::kRight},
               {"batches/s", Table::kRight},
               {"bytes/s", Table::kRight},
               {"fill", Table::kRight},
               {"data", Table::kRight},
               {"credit", Table::kRight},
               {"net", Table::kRight},
               {"pool"}});
  for (const ChannelActivity* channel : channels) {
    table.AddRow(
        {absl::StrCat(channel->channel.channel_id()),
         channel->channel.worker_key(), StateName(channel->channel.state()),
         Percent(channel->worker_share), Number(channel->batches_per_second),
         Bytes(channel->bytes_per_second), Percent(channel->buffer_fill),
         Percent(channel->wait_data), Percent(channel->wait_credit),
         Percent(channel->wait_transport), channel->channel.pool_name()});
  }
  return table;
}

}  // namespace

absl::StatusOr<TopOrder> ParseTopOrder(absl::string_view word) {
  for (const Order& order : kOrders) {
    if (order.word == word) return order.order;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--sort=", word, ": must be share, batches, bytes, fill or channel"));
}

TopOrder TopOrderOfKey(char key, TopOrder current) {
  for (const Order& order : kOrders) {
    if (order.key == key) return order.order;
  }
  return current;
}

void PrintTop(const ClusterActivity& activity, TopOrder order, int rows,
              bool aligned, std::ostream& out) {
  std::ostringstream text;
  Services(activity).Print(text, aligned);
  text << "\n";
  Channels(activity, order).Print(text, aligned);
  std::vector<std::string> lines = absl::StrSplit(text.str(), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (rows > 0 && lines.size() > static_cast<size_t>(rows)) lines.resize(rows);
  for (const std::string& line : lines) out << line << "\n";
}

}  // namespace fairlead
