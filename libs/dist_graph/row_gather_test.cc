#include "libs/dist_graph/row_gather.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/dist_graph/fake_partitions.h"
#include "libs/graph/dataset.h"
#include "libs/graph/partition_book.h"
#include "libs/graph/table.h"
#include "libs/partition_client/remote_partitions.h"
#include "libs/random/philox.h"
#include "libs/row_cache/row_cache.h"
#include "libs/sampling/partitioned_dataset.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::fairlead::testing::BookKind;
using ::fairlead::testing::FakePartitions;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::PapersAndAuthors;
using ::fairlead::testing::PartitionedDataset;
using ::fairlead::testing::StatusIs;
using ::fairlead::testing::WriteWhole;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Types are in order of their names.
constexpr RowSet kAuthorFeatures = {.type = 0};
constexpr RowSet kPaperFeatures = {.type = 1};
constexpr RowSet kPaperLabels = {.type = 1, .kind = RowKind::kLabels};
constexpr RowSet kEdgeFeatures = {.of_edges = true};
constexpr RowSet kAll[] = {kAuthorFeatures, kPaperFeatures, kPaperLabels,
                           kEdgeFeatures};

class RowGatherTest : public ::testing::TestWithParam<BookKind> {
 protected:
  void SetUp() override { Make(GetParam()); }

  void Make(BookKind kind) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(whole_, WriteWhole(PapersAndAuthors()));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(parts_,
                                  PartitionedDataset::Create(*whole_, 3, kind));
  }

  // `count` ids that have such rows, some more than once.
  std::vector<int64_t> RandomIds(const RowSet& set, size_t count) {
    const IdSpace& ids = FindRows(*whole_, set)->ids;
    std::vector<int64_t> drawn;
    for (size_t i = 0; i < count; ++i) {
      drawn.push_back(ids.Id(static_cast<int64_t>(
          random_.Below(static_cast<uint64_t>(ids.size())))));
    }
    return drawn;
  }

  std::vector<uint8_t> Expected(const RowSet& set,
                                const std::vector<int64_t>& ids) const {
    const RowStore& store = *FindRows(*whole_, set);
    std::vector<uint8_t> rows(ids.size() *
                              static_cast<size_t>(store.table.row_bytes()));
    EXPECT_THAT(store.Gather(ids, absl::MakeSpan(rows)), IsOk());
    return rows;
  }

  absl::Status Answer(std::vector<RowFetch>& fetches) const {
    const FakePartitions fake(parts_);
    for (RowFetch& fetch : fetches) {
      const absl::Status status = fake.Answer(fetch);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  static std::vector<uint8_t> Rows(const RowGather& gather) {
    std::vector<uint8_t> rows(gather.bytes());
    gather.CopyTo(rows.data());
    return rows;
  }

  std::unique_ptr<const Dataset> whole_;
  PartitionedDataset parts_;
  RandomStream random_{1, 0, 0};
};

INSTANTIATE_TEST_SUITE_P(Books, RowGatherTest,
                         ::testing::Values(BookKind::kTable, BookKind::kHash));

TEST_P(RowGatherTest, GivesTheRowsOfTheWholeWhereverTheyAre) {
  for (const RowSet& set : kAll) {
    for (uint32_t p = 0; p < 3; ++p) {
      for (const size_t count : {0, 1, 50, 2'000}) {
        SCOPED_TRACE(absl::StrCat("type ", set.type, " at ", p));
        const std::vector<int64_t> ids = RandomIds(set, count);
        std::vector<RowFetch> fetches;
        RowGather gather;
        ASSERT_THAT(
            gather.Begin(parts_.partition(p), set, nullptr, ids, &fetches),
            IsOk());
        ASSERT_THAT(Answer(fetches), IsOk());
        ASSERT_THAT(gather.End(fetches), IsOk());
        EXPECT_EQ(gather.size(), count);
        EXPECT_EQ(Rows(gather), Expected(set, ids));
      }
    }
  }
}

TEST_P(RowGatherTest, AsksEachOwnerOnceForEachIdOnce) {
  const std::vector<int64_t> ids = RandomIds(kPaperFeatures, 1'000);
  const Dataset& here = parts_.partition(1);
  std::vector<RowFetch> fetches;
  RowGather gather;
  ASSERT_THAT(gather.Begin(here, kPaperFeatures, nullptr, ids, &fetches),
              IsOk());
  std::set<int64_t> elsewhere;
  for (const int64_t id : ids) {
    if (here.node_types()[1].ids.Row(id) < 0) elsewhere.insert(id);
  }
  ASSERT_THAT(fetches, SizeIs(2));
  std::set<int64_t> asked;
  size_t count = 0;
  for (const RowFetch& fetch : fetches) {
    EXPECT_NE(fetch.partition, 1U);
    EXPECT_EQ(fetch.row_bytes, 20U);
    for (const int64_t id : fetch.ids) {
      EXPECT_GE(parts_.partition(fetch.partition).node_types()[1].ids.Row(id),
                0);
    }
    asked.insert(fetch.ids.begin(), fetch.ids.end());
    count += fetch.ids.size();
  }
  EXPECT_EQ(asked, elsewhere);
  EXPECT_EQ(count, elsewhere.size());
}

TEST_P(RowGatherTest, AsksNothingWhereAllIsHere) {
  const Dataset& here = parts_.partition(2);
  std::vector<int64_t> ids;
  for (int64_t row = 0; row < here.node_types()[1].num_nodes; ++row) {
    ids.push_back(here.node_types()[1].ids.Id(row));
  }
  std::vector<RowFetch> fetches;
  RowGather gather;
  ASSERT_THAT(gather.Begin(here, kPaperFeatures, nullptr, ids, &fetches),
              IsOk());
  EXPECT_THAT(fetches, IsEmpty());
  ASSERT_THAT(gather.End({}), IsOk());
  EXPECT_EQ(Rows(gather), Expected(kPaperFeatures, ids));
}

TEST_P(RowGatherTest, SeveralGathersShareAListOfFetches) {
  std::vector<RowFetch> fetches;
  RowGather gathers[4];
  std::vector<int64_t> ids[4];
  for (size_t i = 0; i < 4; ++i) {
    ids[i] = RandomIds(kAll[i], 100);
    ASSERT_THAT(gathers[i].Begin(parts_.partition(0), kAll[i], nullptr, ids[i],
                                 &fetches),
                IsOk());
  }
  ASSERT_THAT(Answer(fetches), IsOk());
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_THAT(gathers[i].End(fetches), IsOk());
    EXPECT_EQ(Rows(gathers[i]), Expected(kAll[i], ids[i]));
  }
}

TEST_P(RowGatherTest, MayBeUsedAgain) {
  RowGather gather;
  for (const RowSet& set : kAll) {
    const std::vector<int64_t> ids = RandomIds(set, 64);
    std::vector<RowFetch> fetches;
    ASSERT_THAT(gather.Begin(parts_.partition(0), set, nullptr, ids, &fetches),
                IsOk());
    ASSERT_THAT(Answer(fetches), IsOk());
    ASSERT_THAT(gather.End(fetches), IsOk());
    EXPECT_EQ(Rows(gather), Expected(set, ids));
  }
}

// Parity W-31.
TEST_P(RowGatherTest, IdThatNobodyOwnsIsNamed) {
  for (const int64_t wrong : {int64_t{-1}, int64_t{300}, INT64_MAX}) {
    std::vector<RowFetch> fetches;
    RowGather gather;
    EXPECT_THAT(
        gather.Begin(parts_.partition(0), kPaperFeatures, nullptr,
                     {1, wrong, 2}, &fetches),
        StatusIs(absl::StatusCode::kNotFound, HasSubstr(absl::StrCat(wrong))));
  }
}

TEST_P(RowGatherTest, AnswerOfAnotherSizeIsNone) {
  const std::vector<int64_t> ids = RandomIds(kPaperFeatures, 100);
  std::vector<RowFetch> fetches;
  RowGather gather;
  ASSERT_THAT(
      gather.Begin(parts_.partition(0), kPaperFeatures, nullptr, ids, &fetches),
      IsOk());
  ASSERT_THAT(Answer(fetches), IsOk());
  for (const size_t size : {fetches[1].answer.size() - 1,
                            fetches[1].answer.size() + 20, size_t{0}}) {
    fetches[1].answer.resize(size);
    EXPECT_THAT(
        gather.End(fetches),
        StatusIs(
            absl::StatusCode::kInternal,
            AllOf(HasSubstr(absl::StrCat("partition ", fetches[1].partition)),
                  HasSubstr(absl::StrCat(size, " bytes")))));
  }
}

TEST_P(RowGatherTest, RowsThatACacheHasAreNotAskedForAgain) {
  for (const RowSet& set : {kPaperFeatures, kEdgeFeatures}) {
    const Dataset& here = parts_.partition(0);
    const RowCaches caches(here, 1 << 20);
    const std::vector<int64_t> first = RandomIds(set, 60);
    const auto run = [&](const std::vector<int64_t>& ids) {
      std::vector<RowFetch> fetches;
      RowGather gather;
      EXPECT_THAT(gather.Begin(here, set, caches.Find(set), ids, &fetches),
                  IsOk());
      EXPECT_THAT(Answer(fetches), IsOk());
      EXPECT_THAT(gather.End(fetches), IsOk());
      EXPECT_EQ(Rows(gather), Expected(set, ids));
      size_t asked = 0;
      for (const RowFetch& fetch : fetches) asked += fetch.ids.size();
      return asked;
    };
    const size_t asked = run(first);
    EXPECT_GT(asked, 0U);
    EXPECT_EQ(caches.counts().rows, asked);
    EXPECT_EQ(run(first), 0U);
    EXPECT_GE(caches.counts().hits, asked);
    // Some from here, some from the cache, some from elsewhere.
    std::vector<int64_t> mixed = RandomIds(set, 60);
    mixed.insert(mixed.end(), first.begin(), first.end());
    run(mixed);
    EXPECT_EQ(run(mixed), 0U);
  }
}

class RowGatherByHash : public RowGatherTest {
 protected:
  void SetUp() override { Make(BookKind::kHash); }
};

// A hash says who would have it.
TEST_F(RowGatherByHash, IdThatThisPartitionShouldHaveAndLacksIsNamed) {
  int64_t id = 2;  // no author's
  while (HashOwner(id, 3) != 1) id += 3;
  std::vector<RowFetch> fetches;
  RowGather gather;
  EXPECT_THAT(gather.Begin(parts_.partition(1), kAuthorFeatures, nullptr,
                           {1, id}, &fetches),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(absl::StrCat("id ", id, ": partition 1"))));
}

TEST_F(RowGatherByHash, OfAWholeGraphLooksNowhereElse) {
  std::vector<RowFetch> fetches;
  RowGather gather;
  EXPECT_THAT(gather.Begin(*whole_, kAuthorFeatures, nullptr, {1, 2}, &fetches),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("1 id, 2")));
  EXPECT_EQ(FindRowBook(*whole_, kAuthorFeatures), nullptr);
  EXPECT_EQ(RowCaches(*whole_, 1 << 20).Find(kAuthorFeatures), nullptr);
}

TEST_F(RowGatherByHash, CachesShareTheirBudget) {
  const RowCaches none(parts_.partition(0), 0);
  const RowCaches some(parts_.partition(0), 1 << 16);
  for (const RowSet& set : {kAuthorFeatures, kPaperFeatures, kEdgeFeatures}) {
    EXPECT_EQ(none.Find(set), nullptr);
    ASSERT_NE(some.Find(set), nullptr);
    EXPECT_EQ(some.Find(set)->row_bytes(),
              static_cast<uint64_t>(FindRows(*whole_, set)->table.row_bytes()));
    const std::vector<uint8_t> row(some.Find(set)->row_bytes());
    for (int64_t id = 0; id < 10'000; ++id)
      some.Find(set)->Offer(id, row.data());
  }
  EXPECT_EQ(some.Find(kPaperLabels), nullptr);
  EXPECT_LE(some.counts().bytes, uint64_t{1} << 16);
  EXPECT_GT(some.counts().bytes, uint64_t{1} << 15);
  EXPECT_GT(some.Find(kPaperFeatures)->counts().bytes,
            some.Find(kAuthorFeatures)->counts().bytes);
}

}  // namespace
}  // namespace fairlead
