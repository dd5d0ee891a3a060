// Random partition books, against what one would look up by hand.

#include <cstddef>
#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/partition_book_test_util.h"
#include "libs/random/philox.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::Owners;
using ::fairlead::testing::OwnersOf;
using ::fairlead::testing::Range;
using ::fairlead::testing::Table;
using ::testing::Eq;
using ::testing::TestParamInfo;

// Any book beside a map of ids to owners, and lists of what each owns.
struct RandomBook {
  uint32_t partitions;
  int64_t ids;
};

std::ostream& operator<<(std::ostream& out, const RandomBook& book) {
  return out << book.ids << "_ids_" << book.partitions << "_partitions";
}

class AnyPartitionBook : public ::testing::TestWithParam<RandomBook> {
 protected:
  // Owners of all ids: in ascending order, or in any, some nobody's.
  std::vector<uint32_t> MakeOwners(bool ranges) {
    std::vector<uint32_t> owners;
    std::multiset<uint32_t> sorted;
    for (int64_t id = 0; id < GetParam().ids; ++id) {
      const auto owner =
          static_cast<uint32_t>(random_.Below(GetParam().partitions));
      sorted.insert(owner);
      owners.push_back(random_.Below(20) == 0 ? kNoPartition : owner);
    }
    if (ranges) owners.assign(sorted.begin(), sorted.end());
    return owners;
  }

  void CheckAgainst(const std::vector<uint32_t>& owners,
                    const PartitionBook& book) {
    ASSERT_EQ(book.num_ids(), GetParam().ids);
    ASSERT_EQ(book.num_partitions(), GetParam().partitions);
    std::vector<int64_t> known;  // ids that somebody owns, at random
    for (int draw = 0; draw < 2000; ++draw) {
      const auto id = static_cast<int64_t>(random_.Below(
                          static_cast<uint64_t>(book.num_ids()) + 4)) -
                      2;
      const bool inside = id >= 0 && id < book.num_ids();
      const uint32_t owner =
          inside ? owners[static_cast<size_t>(id)] : kNoPartition;
      const Owners answer = OwnersOf(book, {id});
      ASSERT_EQ(answer.owners[0], owner) << "id " << id;
      ASSERT_EQ(answer.status.ok(), owner != kNoPartition) << "id " << id;
      if (owner != kNoPartition) known.push_back(id);
    }
    CheckSplit(owners, known, book);
  }

  void CheckSplit(const std::vector<uint32_t>& owners,
                  const std::vector<int64_t>& ids, const PartitionBook& book) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const PartitionedIds split, book.Split(ids));
    std::map<uint32_t, std::vector<int64_t>> positions;
    for (size_t i = 0; i < ids.size(); ++i) {
      positions[owners[static_cast<size_t>(ids[i])]].push_back(
          static_cast<int64_t>(i));
    }
    std::vector<int64_t> out(ids.size() * 2, -1);
    for (uint32_t p = 0; p < book.num_partitions(); ++p) {
      ASSERT_THAT(split.PositionsOf(p), Eq(absl::MakeConstSpan(positions[p])));
      std::vector<int64_t> rows;  // a partition's answer: the id and its twice
      for (const int64_t id : split.IdsOf(p)) {
        rows.push_back(id);
        rows.push_back(2 * id);
      }
      ASSERT_THAT(split.Scatter<int64_t>(p, rows, 2, absl::MakeSpan(out)),
                  IsOk());
    }
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_EQ(out[2 * i], ids[i]);
      ASSERT_EQ(out[2 * i + 1], 2 * ids[i]);
    }
  }

  RandomStream random_{/*key=*/7, /*place=*/GetParam().partitions,
                       /*lane=*/static_cast<uint32_t>(GetParam().ids)};
};

TEST_P(AnyPartitionBook, OfRangesAgreesWithAMap) {
  const std::vector<uint32_t> owners = MakeOwners(/*ranges=*/true);
  std::vector<int64_t> bounds(GetParam().partitions + 1);
  for (const uint32_t owner : owners) ++bounds[owner + 1];
  for (size_t i = 1; i < bounds.size(); ++i) bounds[i] += bounds[i - 1];
  CheckAgainst(owners, Range(bounds));
}

TEST_P(AnyPartitionBook, OfATableAgreesWithAMap) {
  const std::vector<uint32_t> owners = MakeOwners(/*ranges=*/false);
  std::ostringstream name;
  name << GetParam();
  CheckAgainst(owners, Table(name.str(), GetParam().partitions, owners));
}

// Around the sizes of blocks and of dtypes.
INSTANTIATE_TEST_SUITE_P(
    All, AnyPartitionBook,
    ::testing::Values(RandomBook{1, 1}, RandomBook{1, 63}, RandomBook{2, 64},
                      RandomBook{3, 65}, RandomBook{4, 1000},
                      RandomBook{8, 128}, RandomBook{9, 1281},
                      RandomBook{100, 10}, RandomBook{255, 10'000},
                      RandomBook{256, 10'000}, RandomBook{70'000, 5'000}),
    [](const TestParamInfo<RandomBook>& info) {
      std::ostringstream name;
      name << info.param;
      return name.str();
    });

}  // namespace
}  // namespace fairlead
