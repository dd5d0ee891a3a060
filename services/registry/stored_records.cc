#include "services/registry/stored_records.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "protos/fairlead/v1/registry_state.pb.h"
#include "services/registry/registry_store.h"

namespace fairlead {
namespace {

// Ids are padded so that keys sort as numbers do.
std::string Key(absl::string_view kind, uint64_t id) {
  return absl::StrFormat("%s/%020u", kind, id);
}

}  // namespace

std::string MemberKey(uint64_t id) { return Key("member", id); }
std::string BackendKey(uint64_t id) { return Key("backend", id); }
std::string ChannelKey(uint64_t id) { return Key("channel", id); }

StoreWrite Put(const v1::MemberRecord& member) {
  v1::StoredRecord record;
  *record.mutable_member() = member;
  return {MemberKey(member.member().member_id()), record.SerializeAsString()};
}
StoreWrite Put(const v1::BackendRecord& backend) {
  v1::StoredRecord record;
  *record.mutable_backend() = backend;
  return {BackendKey(backend.backend_id()), record.SerializeAsString()};
}
StoreWrite Put(const v1::ChannelRecord& channel) {
  v1::StoredRecord record;
  *record.mutable_channel() = channel;
  return {ChannelKey(channel.spec().channel_id()), record.SerializeAsString()};
}
StoreWrite Put(const v1::IdCounters& ids) {
  v1::StoredRecord record;
  *record.mutable_ids() = ids;
  return {"ids", record.SerializeAsString()};
}

}  // namespace fairlead
