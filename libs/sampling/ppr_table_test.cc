#include "libs/sampling/ppr_table.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "libs/random/philox.h"
#include "libs/sampling/ppr_rows.h"

namespace fairlead {
namespace {

// Distinct for distinct i, and unlike indices.
int64_t IdOf(uint64_t i) { return static_cast<int64_t>(SplitMix64(i) >> 1); }

// Far more than the table begins with.
constexpr uint64_t kMany = 100'000;

TEST(PprTable, GivesPlacesInOrderOfFirstTouchHoweverFarItGrows) {
  PprTable table;
  for (const uint64_t size : {kMany, uint64_t{10}, uint64_t{20'000}}) {
    table.Clear();
    EXPECT_TRUE(table.entries().empty());
    for (uint64_t i = 0; i < size; ++i) {
      ASSERT_EQ(table.FindOrAppend(IdOf(i)), i);
      ASSERT_EQ(table.FindOrAppend(IdOf(i / 2)), i / 2);
    }
    ASSERT_EQ(table.entries().size(), size);
    for (uint64_t i = 0; i < size; ++i) {
      ASSERT_EQ(table.entries()[i].id, IdOf(i));
      ASSERT_EQ(table.FindOrAppend(IdOf(i)), i);
    }
  }
}

TEST(PprTable, WhatIsClearedIsForgotten) {
  PprTable table;
  table.FindOrAppend(7);
  table.entries()[0].score = 1;
  table.Clear();
  EXPECT_EQ(table.FindOrAppend(8), 0u);
  EXPECT_EQ(table.FindOrAppend(7), 1u);
  EXPECT_EQ(table.entries()[1].score, 0);
}

TEST(PprTable, GoesOnFromEntriesThatItIsGiven) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{3}, kMany}) {
    std::vector<PprEntry> entries;
    for (uint64_t i = 0; i < size; ++i) {
      entries.push_back(
          {.id = IdOf(i), .residual = static_cast<double>(i) / 2});
    }
    PprTable table;
    table.FindOrAppend(IdOf(1));
    table.Assign(entries);
    for (uint64_t i = 0; i < size; ++i) {
      ASSERT_EQ(table.FindOrAppend(IdOf(i)), i);
      ASSERT_EQ(table.entries()[i].residual, static_cast<double>(i) / 2);
    }
    EXPECT_EQ(table.FindOrAppend(IdOf(size)), size);
  }
}

}  // namespace
}  // namespace fairlead
