// SPDX-License-Identifier: Apache-2.0
#include "pkg/files/reader.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salve::files {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    std::string name = (fs::temp_directory_path() / "salve-files-XXXXXX").string();
    base = mkdtemp(name.data());
    root = base + "/open";
    fs::create_directory(root);
    fs::create_directory(base + "/closed");
    reader = MakeSystemReader({root}, SystemClock());
  }
  ~ReaderTest() override { fs::remove_all(base); }
  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  StatusOr<Listing> Read(const std::string& path) {
    Budget budget;
    return reader->Read(path, budget);
  }

  std::string base;
  std::string root;
  std::unique_ptr<Reader> reader;
};

TEST_F(ReaderTest, AFileIsItsContentAndNothingElse) {
  Write(root + "/.env", "A=1");
  const auto first = Read(root + "/.env");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->directory);
  Write(root + "/.env", "A=2");  // of the same size, a moment later
  const auto second = Read(root + "/.env");
  EXPECT_NE(DigestOf(*first), DigestOf(*second));
  Write(root + "/.env", "A=1");
  EXPECT_EQ(DigestOf(*first), DigestOf(*Read(root + "/.env")));
}

TEST_F(ReaderTest, AContentThatKeepsItsTimesAndSizeIsSeenByTheTimeOfItsChange) {
  Write(root + "/.env", "A=1");
  SimulatedClock later(SystemClock().Now() + std::chrono::hours(1));
  reader = MakeSystemReader({root}, later);
  const auto first = Read(root + "/.env");
  const auto modified = fs::last_write_time(root + "/.env");
  Write(root + "/.env", "A=2");
  fs::last_write_time(root + "/.env", modified);
  EXPECT_NE(DigestOf(*first), DigestOf(*Read(root + "/.env")));
}

TEST_F(ReaderTest, ADirectoryIsAllThatIsBelowItByName) {
  Write(root + "/m/1.sql", "a");
  Write(root + "/m/x/2.sql", "b");
  const auto before = Read(root + "/m");
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_THAT(before->files, ::testing::SizeIs(2));
  fs::rename(root + "/m/x/2.sql", root + "/m/x/3.sql");
  EXPECT_NE(DigestOf(*before), DigestOf(*Read(root + "/m")));
}

TEST_F(ReaderTest, ALargeFileIsReadInPieces) {
  Write(root + "/large", std::string(3u << 20, 'x') + "1");
  const auto first = Read(root + "/large");
  ASSERT_TRUE(first.ok()) << first.status();
  Write(root + "/large", std::string(3u << 20, 'x') + "2");
  EXPECT_NE(DigestOf(*first), DigestOf(*Read(root + "/large")));
}

TEST_F(ReaderTest, WhatIsNotBelowARootIsNotLookedAt) {
  Write(base + "/closed/secret", "s");
  for (const std::string& path :
       {base + "/closed/secret", base + "/closed/nothing", root + "/../closed/secret",
        base + "/openly/secret", std::string("/etc/hostname")}) {
    const auto read = Read(path);
    EXPECT_EQ(read.code(), Code::kPermissionDenied) << path;
    EXPECT_THAT(read.status().message(), HasSubstr("not below any of files.roots")) << path;
  }
}

TEST_F(ReaderTest, ASymbolicLinkMayNotLeadOutOfTheRoots) {
  Write(base + "/closed/secret", "s");
  fs::create_symlink(base + "/closed/secret", root + "/link");
  fs::create_directory(root + "/dir");
  fs::create_directory_symlink(base + "/closed", root + "/dir/link");
  for (const char* path : {"/link", "/dir", "/dir/link/secret"}) {
    const auto read = Read(root + path);
    EXPECT_EQ(read.code(), Code::kPermissionDenied) << path;
    EXPECT_THAT(read.status().message(), HasSubstr("leads out of files.roots")) << path;
    EXPECT_THAT(read.status().message(), ::testing::Not(HasSubstr("closed"))) << path;
  }
}

TEST_F(ReaderTest, ASymbolicLinkWithinTheRootsIsFollowedAsTheKubeletMakesThem) {
  Write(root + "/map/..2026_1/app.env", "A=1");
  fs::create_directory_symlink("..2026_1", root + "/map/..data");
  fs::create_symlink("..data/app.env", root + "/map/app.env");
  const auto before = Read(root + "/map");
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_THAT(before->files, ::testing::SizeIs(1)) << "each content once";
  Write(root + "/map/..2026_2/app.env", "A=2");
  fs::remove(root + "/map/..data");
  fs::create_directory_symlink("..2026_2", root + "/map/..data");
  EXPECT_NE(DigestOf(*before), DigestOf(*Read(root + "/map")));
}

TEST_F(ReaderTest, APipeIsRefusedAndInADirectoryPassedOver) {
  ASSERT_EQ(mkfifo((root + "/pipe").c_str(), 0600), 0);
  const auto read = Read(root + "/pipe");
  EXPECT_EQ(read.code(), Code::kInvalidArgument);
  EXPECT_THAT(read.status().message(), HasSubstr("neither a file nor a directory"));
  Write(root + "/a", "a");
  const auto all = Read(root);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(all->files, ::testing::SizeIs(1));
}

TEST_F(ReaderTest, TooManyFilesAreAMessage) {
  for (int i = 0; i < 1001; ++i) Write(root + "/many/" + std::to_string(i), "");
  EXPECT_THAT(Read(root + "/many").status().message(), HasSubstr("more than 1000 files"));
}

TEST_F(ReaderTest, TooManyBytesAreAMessage) {
  Write(root + "/sparse", "");
  fs::resize_file(root + "/sparse", (64u << 20) + 1);
  EXPECT_THAT(Read(root + "/sparse").status().message(), HasSubstr("more than 64 MiB"));
}

TEST_F(ReaderTest, TooDeepADirectoryAndACircleOfLinksAreAMessage) {
  std::string deep = root + "/deep";
  for (int i = 0; i < 17; ++i) deep += "/d";
  Write(deep + "/file", "");
  EXPECT_THAT(Read(root + "/deep").status().message(), HasSubstr("deeper than 16"));
  fs::create_directory(root + "/circle");
  fs::create_directory_symlink(".", root + "/circle/again");
  EXPECT_FALSE(Read(root + "/circle").ok());
}

TEST_F(ReaderTest, WhatIsNotThereIsSaid) {
  EXPECT_EQ(Read(root + "/none").code(), Code::kNotFound);
  EXPECT_THAT(Read(root + "/none").status().message(), HasSubstr("/none: No such file"));
}

}  // namespace
}  // namespace salve::files
