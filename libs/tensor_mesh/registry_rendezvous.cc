#include "libs/tensor_mesh/registry_rendezvous.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/rpc/persist.h"
#include "libs/status/status_macros.h"
#include "protos/fairlead/v1/registry.pb.h"

namespace fairlead {
namespace {

constexpr absl::Duration kToJoin = absl::Seconds(2);

}  // namespace

std::string RegistryRendezvous::NameOf(const std::string& job,
                                       uint32_t member) {
  return absl::StrCat(job, "/", member);
}

absl::StatusOr<std::unique_ptr<RegistryRendezvous>> RegistryRendezvous::Join(
    Membership* membership, const std::string& job, uint32_t member) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      std::unique_ptr<MemberWatch> living,
      MemberWatch::Start({.registry = membership->registry(),
                          .security = membership->security(),
                          .role = v1::ROLE_TRAINER,
                          .name_prefix = absl::StrCat(job, "/")}));
  const std::string name = NameOf(job, member);
  const uint64_t id = membership->member_id();
  const bool has_joined = living->Await(
      [&name, id](const MemberWatch::Members& members) {
        const auto found = members.find(name);
        return found != members.end() && found->second.member_id() == id;
      },
      absl::Now() + kToJoin);
  if (!has_joined) {
    return absl::FailedPreconditionError(absl::StrCat(
        "rendezvous of ", job, ": this process has not joined as ", name,
        ", with ROLE_TRAINER, so the others would not know "
        "when it is gone; join under that name"));
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<RegistryRendezvous>(
      new RegistryRendezvous(membership, job, std::move(living)));
}

RegistryRendezvous::RegistryRendezvous(Membership* membership, std::string job,
                                       std::unique_ptr<MemberWatch> living)
    : membership_(*membership),
      job_(std::move(job)),
      living_(std::move(living)),
      thread_([this] { Run(); }) {}

RegistryRendezvous::~RegistryRendezvous() {
  is_stopping_ = true;
  living_->Reconsider();
  thread_.join();
}

absl::Status RegistryRendezvous::Post(const std::string& line,
                                      absl::Time deadline) {
  return rpc::Persist(deadline, [&] { return membership_.SetAddress(line); });
}

MeshRendezvous::Lines RegistryRendezvous::LinesOf(
    const MemberWatch::Members& members) const {
  Lines lines;
  for (const auto& [name, member] : members) {
    absl::string_view number = name;
    uint32_t each = 0;
    if (absl::ConsumePrefix(&number, absl::StrCat(job_, "/")) &&
        absl::SimpleAtoi(number, &each)) {
      lines[each] = member.address();
    }
  }
  return lines;
}

void RegistryRendezvous::Watch(std::function<void(const Lines&)> on_change) {
  {
    MutexLock lock(&call_mutex_);
    on_change_ = std::move(on_change);
    told_.clear();
  }
  Tell();
}

void RegistryRendezvous::Tell() {
  MutexLock lock(&call_mutex_);
  if (on_change_ == nullptr) return;
  Lines lines = LinesOf(living_->members());
  if (lines == told_) return;
  told_ = std::move(lines);
  on_change_(told_);
}

void RegistryRendezvous::Run() {
  Lines seen;
  while (true) {
    const Lines before = seen;
    living_->Await(
        [&](const MemberWatch::Members& members) {
          seen = LinesOf(members);
          return is_stopping_ || seen != before;
        },
        absl::InfiniteFuture());
    if (is_stopping_) return;
    Tell();
  }
}

}  // namespace fairlead
