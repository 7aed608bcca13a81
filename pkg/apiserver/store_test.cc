// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/store.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/apiserver/store_file.h"
#include "pkg/base/mutex.h"

namespace salve::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "store_test.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The body {"rv":"<revision>","v":"<value>"}.
Mutation Put(const std::string& name, const std::string& value, std::int64_t expected) {
  Mutation mutation;
  mutation.key = {"things", "ns", name};
  mutation.expected_revision = expected;
  mutation.body.text = R"({"rv":"","v":")" + value + R"("})";
  mutation.body.revision_at = 7;
  return mutation;
}

Mutation Remove(const std::string& name, std::int64_t expected) {
  Mutation mutation = Put(name, "last", expected);
  mutation.remove = true;
  return mutation;
}

std::unique_ptr<Store> Memory(StoreLimits limits = {}) {
  auto store = Store::OpenInMemory(limits);
  EXPECT_TRUE(store.ok()) << store.status();
  return std::move(store).value();
}

std::vector<std::string> Names(Store& store, std::int64_t at = 0) {
  std::vector<std::string> names;
  ListQuery query;
  query.resource = "things";
  query.at_revision = at;
  const auto revision = store.List(query, [&names](const RowView& row) {
    names.emplace_back(row.name);
    return true;
  });
  EXPECT_TRUE(revision.ok()) << revision.status();
  return names;
}

TEST(StoreTest, CreateThenReadShowsTheBodyWithItsRevision) {
  auto store = Memory();
  const auto revision = store->Write(Put("a", "1", 0));
  ASSERT_TRUE(revision.ok()) << revision.status();
  const auto stored = store->Get({"things", "ns", "a"});
  ASSERT_TRUE(stored.ok() && *stored);
  EXPECT_EQ((*stored)->revision, *revision);
  EXPECT_EQ((*stored)->text, R"({"rv":")" + std::to_string(*revision) + R"(","v":"1"})");
}

TEST(StoreTest, AWriteWithAnOldRevisionIsAConflictAndChangesNothing) {
  auto store = Memory();
  const auto first = store->Write(Put("a", "1", 0));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(store->Write(Put("a", "2", *first)).ok());
  EXPECT_EQ(store->Write(Put("a", "3", *first)).code(), Code::kConflict);
  EXPECT_EQ(store->Write(Put("a", "3", 0)).code(), Code::kAlreadyExists);
  EXPECT_EQ(store->Write(Put("b", "3", 7)).code(), Code::kNotFound);
  EXPECT_THAT((*store->Get({"things", "ns", "a"}))->text, HasSubstr(R"("v":"2")"));
}

TEST(StoreTest, AChildIsRefusedWithoutALivingParent) {
  auto store = Memory();
  Mutation child = Put("child", "1", 0);
  child.parent = ObjectKey{"things", "ns", "parent"};
  EXPECT_EQ(store->Write(child).status().reason(), "ParentMissing");
  Mutation parent = Put("parent", "1", 0);
  const auto made = store->Write(parent);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(store->Write(child).ok());
  parent.expected_revision = *made;
  parent.deleting = true;
  ASSERT_TRUE(store->Write(parent).ok());
  child.key.name = "second";
  EXPECT_EQ(store->Write(child).status().reason(), "ParentDeleting");
}

TEST(StoreTest, AListOfAPastRevisionShowsWhatWasThereThen) {
  auto store = Memory();
  const auto a = store->Write(Put("a", "1", 0));
  const auto b = store->Write(Put("b", "1", 0));
  ASSERT_TRUE(store->Write(Remove("a", *a)).ok());
  ASSERT_TRUE(store->Write(Put("c", "1", 0)).ok());
  EXPECT_THAT(Names(*store), ElementsAre("b", "c"));
  EXPECT_THAT(Names(*store, *b), ElementsAre("a", "b"));
  EXPECT_THAT(Names(*store, *a), ElementsAre("a"));
}

TEST(StoreTest, HistoryIsCompactedButEveryRevisionAboveTheBoundaryStaysExact) {
  StoreLimits limits;
  limits.history_events = 10;
  auto store = Memory(limits);
  std::int64_t last = *store->Write(Put("a", "0", 0));
  ASSERT_TRUE(store->Write(Put("quiet", "old", 0)).ok());
  for (int i = 1; i <= 50; ++i) {
    const auto written = store->Write(Put("a", std::to_string(i), last));
    ASSERT_TRUE(written.ok());
    last = *written;
  }
  EXPECT_EQ(store->compacted(), store->revision() - 10);
  EXPECT_THAT(Names(*store, store->compacted()), ElementsAre("a", "quiet"));
  ListQuery old;
  old.resource = "things";
  old.at_revision = store->compacted() - 1;
  EXPECT_EQ(store->List(old, [](const RowView&) { return true; }).code(), Code::kExpired);
  EXPECT_EQ(store->History("things", 1, last, [](const RowView&) { return true; }).code(),
            Code::kExpired);
  int events = 0;
  ASSERT_TRUE(store
                  ->History("things", store->compacted(), last,
                            [&](const RowView& row) {
                              ++events;
                              EXPECT_NE(row.previous, 0);
                              return true;
                            })
                  .ok());
  EXPECT_EQ(events, 10);
}

TEST(StoreTest, HistoryIsBoundedInBytesToo) {
  StoreLimits limits;
  limits.history_bytes = 100'000;
  auto store = Memory(limits);
  std::int64_t last = *store->Write(Put("a", "0", 0));
  for (int i = 0; i < 40; ++i) last = *store->Write(Put("a", std::string(10'000, 'x'), last));
  EXPECT_GE(store->compacted(), store->revision() - 10);
}

TEST(StoreTest, EventsComeInOrderAndConcurrentWritesShareTransactions) {
  auto store = Memory();
  std::vector<std::int64_t> revisions;
  std::size_t transactions = 0;
  store->SetListener([&](const std::vector<StoreEvent>& events) {
    ++transactions;
    for (const StoreEvent& event : events) revisions.push_back(event.revision);
  });
  constexpr int kWrites = 400;
  Mutex mu;
  CondVar changed;
  int done = 0;
  for (int i = 0; i < kWrites; ++i) {
    store->Submit(Put("o" + std::to_string(i), "1", 0),
                  [&](const StatusOr<std::int64_t>& revision) {
                    EXPECT_TRUE(revision.ok());
                    MutexLock lock(mu);
                    ++done;
                    changed.NotifyAll();
                  });
  }
  {
    MutexLock lock(mu);
    while (done < kWrites) changed.Wait(mu);
  }
  store.reset();  // the listener has been called for everything
  ASSERT_EQ(revisions.size(), static_cast<std::size_t>(kWrites));
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end()));
  EXPECT_LT(transactions, static_cast<std::size_t>(kWrites));
}

TEST(StoreTest, ConcurrentCountersLoseNoUpdate) {
  TemporaryDirectory directory;
  auto store = Store::Open(directory.path());
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->Write(Put("counter", "0", 0)).ok());
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store] {
      for (int i = 0; i < kEach;) {
        const auto stored = (*store)->Get({"things", "ns", "counter"});
        ASSERT_TRUE(stored.ok() && *stored);
        const std::string& text = (*stored)->text;
        const auto at = text.find("\"v\":\"") + 5;
        const int value = std::stoi(text.substr(at));
        const auto written =
            (*store)->Write(Put("counter", std::to_string(value + 1), (*stored)->revision));
        if (written.ok()) ++i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT((*(*store)->Get({"things", "ns", "counter"}))->text,
              HasSubstr("\"v\":\"" + std::to_string(kThreads * kEach) + "\""));
}

TEST(StoreFileTest, EverythingIsThereAfterReopening) {
  TemporaryDirectory directory;
  std::int64_t revision = 0;
  {
    auto store = Store::Open(directory.path());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Write(Put("a", "1", 0)).ok());
    const auto b = (*store)->Write(Put("b", "1", 0));
    revision = *(*store)->Write(Remove("b", *b));
  }
  auto store = Store::Open(directory.path());
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->revision(), revision);
  EXPECT_THAT(Names(**store), ElementsAre("a"));
  EXPECT_EQ(*(*store)->Write(Put("c", "1", 0)), revision + 1);
}

TEST(StoreFileTest, ASecondProcessIsToldWhoUsesTheDirectory) {
  TemporaryDirectory directory;
  auto store = Store::Open(directory.path());
  ASSERT_TRUE(store.ok());
  const auto second = Store::Open(directory.path());
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
  EXPECT_THAT(second.status().message(),
              HasSubstr("in use by process " + std::to_string(getpid())));
}

// What a file must not be, and what the message says then. The file stays as it is.
struct BadFile {
  const char* why;
  std::string content;
  const char* message;
};

std::string SoundDatabase() {
  TemporaryDirectory directory;
  {
    auto store = Store::Open(directory.path());
    EXPECT_TRUE(store.ok());
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE((*store)->Write(Put("o" + std::to_string(i), std::string(4000, 'x'), 0)).ok());
    }
  }
  return *ReadFile(directory.path() + "/" + kDatabaseFile, 10u << 20);
}

TEST(StoreFileTest, AFileThatIsNotOursIsRefusedAndNotTouched) {
  const std::string sound = SoundDatabase();
  std::string foreign = sound;
  foreign[68] = 'X';
  std::string newer = sound;
  newer[63] = 9;
  const std::vector<BadFile> cases = {
      {"not a database", std::string(5000, 'z'), "is not an SQLite database"},
      {"too short", "SQLite format 3", "is too short"},
      {"another program's", foreign, "is a database of another program"},
      {"a newer schema", newer, "was written by a newer Salve (schema 9"},
      {"cut short", sound.substr(0, sound.size() / 2), "is cut short"},
  };
  for (const BadFile& bad : cases) {
    SCOPED_TRACE(bad.why);
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/" + kDatabaseFile;
    std::ofstream(path, std::ios::binary) << bad.content;
    const auto store = Store::Open(directory.path());
    ASSERT_EQ(store.code(), Code::kInvalidArgument) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr(bad.message));
    EXPECT_EQ(*ReadFile(path, 10u << 20), bad.content);
  }
}

// A child writes until it is killed; it reports each acknowledged write through a pipe.
TEST(StoreFileTest, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
  TemporaryDirectory directory;
  for (int round = 0; round < 3; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe_ends[0]);
      auto store = Store::Open(directory.path());
      if (!store.ok()) ::_exit(1);
      for (int i = 0;; ++i) {
        const int number = round * 1'000'000 + i;
        (*store)->Submit(Put("o" + std::to_string(number), "1", 0),
                         [number, fd = pipe_ends[1]](const StatusOr<std::int64_t>& revision) {
                           if (revision.ok() && ::write(fd, &number, sizeof number) < 0) ::_exit(2);
                         });
        if (i % 50 == 0 && !(*store)->Write(Put("w" + std::to_string(number), "1", 0)).ok()) {
          ::_exit(3);
        }
      }
    }
    ::close(pipe_ends[1]);
    std::vector<int> acknowledged;
    int number = 0;
    while (acknowledged.size() < 200 &&
           ::read(pipe_ends[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number)) {
      acknowledged.push_back(number);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    while (::read(pipe_ends[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number)) {
      acknowledged.push_back(number);
    }
    ::close(pipe_ends[0]);

    auto store = Store::Open(directory.path());
    ASSERT_TRUE(store.ok()) << store.status();
    for (const int n : acknowledged) {
      const auto stored = (*store)->Get({"things", "ns", "o" + std::to_string(n)});
      ASSERT_TRUE(stored.ok() && *stored) << "lost write " << n;
    }
  }
}

TEST(StoreTest, OwnersAndExpiryAreFound) {
  auto store = Memory();
  Mutation owned = Put("child", "1", 0);
  owned.owner_uids = {"u2", "u1"};
  owned.expires_at = 100;
  const auto made = store->Write(owned);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(*store->OwnedBy("u1", 10), ElementsAre(owned.key));
  EXPECT_TRUE(store->Expired(99, 10)->empty());
  EXPECT_THAT(*store->Expired(100, 10), ElementsAre(owned.key));
  EXPECT_EQ(*store->NextExpiry(), 100);
  owned.owner_uids = {"u2"};
  owned.expected_revision = *made;
  owned.expires_at = 0;
  ASSERT_TRUE(store->Write(owned).ok());
  EXPECT_TRUE(store->OwnedBy("u1", 10)->empty());
  EXPECT_THAT(*store->Owned({}, 10), ElementsAre(owned.key));
  EXPECT_FALSE(store->NextExpiry()->has_value());
}

TEST(StoreFileTest, ABackupMadeWhileWritingIsACompleteDatabase) {
  TemporaryDirectory directory;
  TemporaryDirectory other;
  {
    auto store = Store::Open(directory.path());
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE((*store)->Write(Put("a", "1", 0)).ok());
    ASSERT_TRUE((*store)->Backup(other.path() + "/" + kDatabaseFile).ok());
    EXPECT_EQ((*store)->Backup(other.path() + "/" + kDatabaseFile).code(), Code::kAlreadyExists);
    ASSERT_TRUE((*store)->Write(Put("b", "1", 0)).ok());
  }
  auto copy = Store::Open(other.path());
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_THAT(Names(**copy), ElementsAre("a"));
}

}  // namespace
}  // namespace salve::apiserver
