#ifndef FAIRLEAD_SERVICES_REGISTRY_STORE_RECORDS_MATCHER_H_
#define FAIRLEAD_SERVICES_REGISTRY_STORE_RECORDS_MATCHER_H_

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "services/registry/registry_store.h"

namespace fairlead {

using StoreRecords = std::map<std::string, std::string>;

MATCHER_P(HoldsRecords, records, "") {
  return arg.ok() &&
         ::testing::ExplainMatchResult(::testing::Eq(StoreRecords(records)),
                                       arg->records, result_listener);
}

// What a registry that knew `records` knows after `changes`.
inline StoreRecords TakeIn(StoreRecords records, const StoreChanges& changes) {
  if (changes.from_scratch) records.clear();
  for (const StoreWrite& write : changes.writes) {
    if (write.value.has_value()) {
      records[write.key] = *write.value;
    } else {
      records.erase(write.key);
    }
  }
  return records;
}

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_REGISTRY_STORE_RECORDS_MATCHER_H_
