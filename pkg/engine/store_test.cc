// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/store.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/engine/testing/widget.h"
#include "pkg/engine/thread.h"

namespace salve::engine {
namespace {

using testing::Widget;

CachedPtr Entry(const std::string& name, const std::string& uid, const std::string& version,
                const std::string& owner = "") {
  auto entry = std::make_shared<CachedValue<Widget>>();
  entry->header = {{"shop", name}, uid, version, 1, false};
  entry->value = Widget{name, uid, version, owner, 0};
  return entry;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    store_.AddIndex("owner", [](const CachedObject& entry) {
      const Widget& widget = static_cast<const CachedValue<Widget>&>(entry).value;
      return widget.owner.empty() ? std::vector<std::string>{}
                                  : std::vector<std::string>{widget.owner};
    });
    store_.AddHandler([this](const Delta& delta) {
      std::string text;
      switch (delta.type) {
        case Delta::Type::kAdded:
          text = "+" + delta.after->header.uid;
          break;
        case Delta::Type::kUpdated:
          text = "~" + delta.after->header.uid + "@" + delta.after->header.resource_version;
          break;
        case Delta::Type::kDeleted:
          text = "-" + delta.before->header.uid;
          break;
      }
      if (delta.initial) text += " initial";
      if (delta.final_state_unknown) text += " unseen";
      deltas_.push_back(text);
    });
  }
  std::vector<std::string> TakeDeltas() { return std::exchange(deltas_, {}); }
  std::string VersionOf(const std::string& name) const {
    const CachedPtr entry = store_.Get({"shop", name});
    return entry == nullptr ? "" : entry->header.resource_version;
  }

  Store store_;
  std::vector<std::string> deltas_;
};

TEST_F(StoreTest, TheFirstListIsToldAsInitialAdditionsAndThenTheStoreIsSynced) {
  EXPECT_FALSE(store_.synced());
  store_.Replace({Entry("a", "u1", "3"), Entry("b", "u2", "4")}, {}, "5");
  EXPECT_THAT(TakeDeltas(), ::testing::ElementsAre("+u1 initial", "+u2 initial"));
  EXPECT_TRUE(store_.synced());
  EXPECT_EQ(store_.version(), "5");
}

TEST_F(StoreTest, WhatIsMissingFromANewListIsToldAsOneUnseenDeletion) {
  store_.Replace({Entry("a", "u1", "3"), Entry("b", "u2", "4")}, {}, "5");
  TakeDeltas();
  store_.Replace({Entry("a", "u1", "3")}, {}, "9");
  EXPECT_THAT(TakeDeltas(), ::testing::ElementsAre("-u2 unseen"));
  store_.Replace({Entry("a", "u1", "3")}, {}, "10");
  EXPECT_THAT(TakeDeltas(), ::testing::IsEmpty());
}

TEST_F(StoreTest, AnObjectRecreatedUnderTheSameNameIsADeletionAndAnAdditionNeverAnUpdate) {
  store_.Replace({Entry("a", "u1", "3")}, {}, "5");
  TakeDeltas();
  store_.Replace({Entry("a", "u2", "8")}, {}, "9");
  EXPECT_THAT(TakeDeltas(), ::testing::ElementsAre("-u1 unseen", "+u2"));
  EXPECT_TRUE(store_.Upsert(Entry("a", "u3", "12")));
  EXPECT_THAT(TakeDeltas(), ::testing::ElementsAre("-u2 unseen", "+u3"));
}

TEST_F(StoreTest, AnOlderVersionNeverReplacesANewerOne) {
  store_.Replace({Entry("a", "u1", "9")}, {}, "10");
  TakeDeltas();
  EXPECT_FALSE(store_.Upsert(Entry("a", "u1", "8")));
  EXPECT_FALSE(store_.Upsert(Entry("a", "u1", "9"))) << "a duplicate";
  EXPECT_FALSE(store_.Offer(Entry("a", "u1", "7")));
  EXPECT_EQ(VersionOf("a"), "9");
  EXPECT_THAT(TakeDeltas(), ::testing::IsEmpty());
  // Versions are numbers of any length, not texts.
  EXPECT_TRUE(store_.Upsert(Entry("a", "u1", "100000000000000000000000")));
  EXPECT_FALSE(store_.Upsert(Entry("a", "u1", "99999999999999999999999")));
}

TEST_F(StoreTest, ADeletedObjectDoesNotComeBackWithALateAnswer) {
  store_.Replace({Entry("a", "u1", "3")}, {}, "5");
  store_.Delete({{"shop", "a"}, "u1", "7", 1, false});
  TakeDeltas();
  EXPECT_FALSE(store_.Offer(Entry("a", "u1", "6")));
  EXPECT_FALSE(store_.Upsert(Entry("a", "u1", "6")));
  EXPECT_THAT(TakeDeltas(), ::testing::IsEmpty());
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(StoreTest, ALateDeletionOfAnEarlierStateDoesNotRemoveANewerObject) {
  store_.Replace({Entry("a", "u2", "8")}, {}, "9");
  TakeDeltas();
  EXPECT_FALSE(store_.Delete({{"shop", "a"}, "u1", "6", 1, false}));
  EXPECT_EQ(VersionOf("a"), "8");
}

TEST_F(StoreTest, ANewerAnswerOfAWriteIsTakenOverAndALaggingListDoesNotUndoIt) {
  store_.Replace({Entry("a", "u1", "3")}, {}, "5");
  EXPECT_TRUE(store_.Offer(Entry("a", "u1", "8")));
  EXPECT_TRUE(store_.Offer(Entry("new", "u9", "9")));
  TakeDeltas();
  store_.Replace({Entry("a", "u1", "3")}, {}, "6");
  EXPECT_EQ(VersionOf("a"), "8");
  EXPECT_EQ(VersionOf("new"), "9") << "the list is older than this object";
  EXPECT_THAT(TakeDeltas(), ::testing::IsEmpty());
  store_.Replace({Entry("a", "u1", "8")}, {}, "12");
  EXPECT_THAT(TakeDeltas(), ::testing::ElementsAre("-u9 unseen"));
}

TEST_F(StoreTest, BeforeTheFirstListAnswersOfWritesAreNotTakenOver) {
  EXPECT_FALSE(store_.Offer(Entry("a", "u1", "3")));
  EXPECT_EQ(store_.size(), 0u);
}

TEST_F(StoreTest, AServerThatWasSetBackReplacesEverything) {
  store_.Replace({Entry("a", "u1", "300")}, {}, "500");
  TakeDeltas();
  store_.Replace({Entry("a", "u7", "20")}, {}, "40", /*reset_history=*/true);
  EXPECT_EQ(VersionOf("a"), "20");
  EXPECT_EQ(store_.version(), "40");
  EXPECT_TRUE(store_.Upsert(Entry("a", "u7", "41")));
}

TEST_F(StoreTest, AnObjectThatCouldNotBeUnderstoodKeepsItsLastKnownState) {
  store_.Replace({Entry("a", "u1", "3")}, {}, "5");
  TakeDeltas();
  store_.Replace({}, {{"shop", "a"}}, "9");
  EXPECT_EQ(VersionOf("a"), "3");
  EXPECT_THAT(TakeDeltas(), ::testing::IsEmpty());
}

TEST_F(StoreTest, IndexesFollowAdditionsUpdatesDeletionsAndLists) {
  const auto owned = [this](const std::string& owner) {
    std::string names;
    for (const CachedPtr& entry : store_.ByIndex("owner", owner)) names += entry->header.name.name;
    return names;
  };
  store_.Replace({Entry("a", "u1", "3", "ann"), Entry("b", "u2", "4", "bob")}, {}, "5");
  EXPECT_EQ(owned("ann"), "a");
  store_.Upsert(Entry("b", "u2", "6", "ann"));
  EXPECT_EQ(owned("ann"), "ab");
  EXPECT_EQ(owned("bob"), "");
  store_.Delete({{"shop", "a"}, "u1", "7", 1, false});
  EXPECT_EQ(owned("ann"), "b");
  store_.Replace({Entry("c", "u3", "8", "bob")}, {}, "9");
  EXPECT_EQ(owned("ann"), "");
  EXPECT_EQ(owned("bob"), "c");
  EXPECT_THAT(store_.ByIndex("no such index", "x"), ::testing::IsEmpty());
}

TEST_F(StoreTest, ListsOneNamespaceInTheOrderOfNames) {
  auto other = std::make_shared<CachedValue<Widget>>();
  other->header = {{"tools", "z"}, "u3", "2", 1, false};
  store_.Replace({Entry("b", "u2", "4"), Entry("a", "u1", "3"), other}, {}, "5");
  std::vector<std::string> names;
  for (const CachedPtr& entry : store_.List("shop")) names.push_back(entry->header.name.name);
  EXPECT_THAT(names, ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(store_.List().size(), 3u);
}

TEST_F(StoreTest, WhatAReaderHoldsDoesNotChangeUnderIt) {
  store_.Replace({Entry("a", "u1", "3", "ann")}, {}, "5");
  const CachedPtr held = store_.Get({"shop", "a"});
  store_.Upsert(Entry("a", "u1", "6", "bob"));
  EXPECT_EQ(ValueOf<Widget>(held)->owner, "ann");
  static_assert(std::is_const_v<std::remove_reference_t<decltype(*ValueOf<Widget>(held))>>);
}

TEST_F(StoreTest, ReadersSeeAllOfAnOldListOrAllOfANewOne) {
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  Store store;
  Thread reader;
  ASSERT_TRUE(reader
                  .Start("reader",
                         [&] {
                           while (!stop) {
                             const std::vector<CachedPtr> all = store.List();
                             for (const CachedPtr& entry : all) {
                               if (entry->header.uid != all.front()->header.uid) ++torn;
                             }
                             if (!all.empty() && all.size() != 50) ++torn;
                           }
                         })
                  .ok());
  for (int round = 1; round <= 200; ++round) {
    std::vector<CachedPtr> items;
    for (int i = 0; i < 50; ++i) {
      items.push_back(
          Entry("w" + std::to_string(i), "round" + std::to_string(round), std::to_string(round)));
    }
    store.Replace(std::move(items), {}, std::to_string(round));
  }
  stop = true;
  reader.Join();
  EXPECT_EQ(torn, 0);
}

TEST(CompareVersionsTest, ComparesNumbersOfAnyLengthAndNothingElse) {
  EXPECT_EQ(CompareVersions("9", "10"), std::strong_ordering::less);
  EXPECT_EQ(CompareVersions("10", "010"), std::strong_ordering::equal);
  EXPECT_EQ(CompareVersions("00", "0"), std::strong_ordering::equal);
  EXPECT_EQ(CompareVersions("123456789012345678901", "99"), std::strong_ordering::greater);
  EXPECT_FALSE(CompareVersions("", "1"));
  EXPECT_FALSE(CompareVersions("1a", "1"));
  EXPECT_FALSE(CompareVersions("-1", "1"));
}

TEST(ReadHeaderTest, RefusesWhatHasNoIdentity) {
  EXPECT_FALSE(ReadHeader(Json::array()).ok());
  EXPECT_FALSE(ReadHeader({{"metadata", "x"}}).ok());
  EXPECT_FALSE(ReadHeader({{"metadata", {{"namespace", "a"}}}}).ok());
  EXPECT_FALSE(ReadHeader({{"metadata", {{"name", 5}}}}).ok());
  EXPECT_FALSE(ReadHeader({{"metadata", {{"name", "a"}, {"generation", "x"}}}}).ok());
  const auto header = ReadHeader(
      {{"metadata", {{"name", "a"}, {"uid", "u"}, {"deletionTimestamp", "2026-01-01T00:00:00Z"}}}});
  ASSERT_TRUE(header.ok());
  EXPECT_TRUE(header->deleting);
}

}  // namespace
}  // namespace salve::engine
