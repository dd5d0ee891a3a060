#ifndef FAIRLEAD_LIBS_RPC_CALL_TURNS_H_
#define FAIRLEAD_LIBS_RPC_CALL_TURNS_H_

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace fairlead::rpc {

// Calls that wait for a thread, by client: clients take turns, one call each,
// however many calls one has waiting, and of one client no more than so many
// run at a time. Pure. Thread-compatible.
//
//   turns.Add("trainer/a", call);
//   while (auto next = turns.Next()) { Run(next->call);
//   turns.Done(next->client); }
template <typename Call>
class CallTurns {
 public:
  struct Turn {
    std::string client;
    Call call;
  };

  // `most_running` of one client at a time; REQUIRES that it is positive.
  explicit CallTurns(size_t most_running) : most_running_(most_running) {}

  void Add(const std::string& client, Call call) {
    const auto [it, is_new] = clients_.try_emplace(client);
    it->second.waiting.push_back(std::move(call));
    if (is_new) order_.push_back(client);
  }

  // The call whose turn it is, which counts as running until Done. Null if none
  // waits, or all that do are of clients with enough that run.
  std::optional<Turn> Next() {
    for (auto at = order_.begin(); at != order_.end(); ++at) {
      Client& client = clients_.at(*at);
      if (client.waiting.empty() || client.running == most_running_) continue;
      Turn turn{*at, std::move(client.waiting.front())};
      client.waiting.pop_front();
      ++client.running;
      order_.splice(order_.end(), order_, at);  // the last, next time
      return turn;
    }
    return std::nullopt;
  }

  // A call of the client has ended. REQUIRES that one was running.
  void Done(const std::string& client) {
    const auto it = clients_.find(client);
    if (--it->second.running > 0 || !it->second.waiting.empty()) return;
    clients_.erase(it);
    order_.remove(client);
  }

 private:
  struct Client {
    std::deque<Call> waiting;
    size_t running = 0;
  };

  const size_t most_running_;
  std::map<std::string, Client> clients_;  // with calls that wait or run
  std::list<std::string> order_;           // of these: whose turn is first
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_CALL_TURNS_H_
