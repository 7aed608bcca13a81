// SPDX-License-Identifier: Apache-2.0
// Every YAML example in the documentation of the kinds is one that a server would take.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/codec.h"
#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/kinds.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/apis/yaml/yaml.h"
#include "pkg/base/file_source.h"

namespace salve::apis {
namespace {

namespace v1alpha1 = salve::v1alpha1;

// Tests run in the root of the repository.
std::string Page(const std::string& path) {
  const auto text = SystemFiles().Read(path, 1u << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

std::vector<std::string> YamlBlocks(const std::string& page) {
  constexpr char kOpen[] = "```yaml\n";
  std::vector<std::string> blocks;
  std::size_t at = 0;
  while ((at = page.find(kOpen, at)) != std::string::npos) {
    at += sizeof(kOpen) - 1;
    const std::size_t end = page.find("```", at);
    blocks.push_back(page.substr(at, end - at));
    at = end;
  }
  return blocks;
}

template <class T>
std::string Problems(const Json& json) {
  const auto object = DecodeStrict<T>(json);
  if (!object.ok()) return object.status().ToString();
  const Status status = ToStatus(Validate(*object));
  return status.ok() ? "" : status.ToString();
}

std::string ProblemsOf(const Json& json) {
  const std::string kind = json.value("kind", "");
  if (kind == "HealingPolicy") return Problems<v1alpha1::HealingPolicy>(json);
  if (kind == "Incident") return Problems<v1alpha1::Incident>(json);
  if (kind == "IncidentApproval") return Problems<v1alpha1::IncidentApproval>(json);
  if (kind == "HealingGuardrail") return Problems<v1alpha1::HealingGuardrail>(json);
  return "not one of the kinds: " + kind;
}

TEST(Docs, TheExamplesOfEachKindAreValid) {
  for (const Kind& kind : SalveKinds()) {
    const std::string path = "docs/spec/" + kind.singular + ".md";
    const std::vector<std::string> blocks = YamlBlocks(Page(path));
    EXPECT_FALSE(blocks.empty()) << path;
    for (const std::string& block : blocks) {
      const auto document = yaml::ParseOne(block);
      ASSERT_TRUE(document.ok()) << path << ": " << document.status();
      EXPECT_EQ(document->value.value("kind", ""), kind.table->info->kind) << path;
      EXPECT_EQ(ProblemsOf(document->value), "") << path << "\n" << block;
    }
  }
}

TEST(Docs, TheExampleConfigurationCanBeLoaded) {
  const std::vector<std::string> blocks = YamlBlocks(Page("docs/configuration.md"));
  ASSERT_FALSE(blocks.empty());
  for (const std::string& block : blocks) {
    const auto loaded = config::v1alpha1::LoadConfiguration(block, "docs/configuration.md");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
  }
}

TEST(Samples, AreValid) {
  for (const char* path :
       {"manifests/samples/demo/redis.yaml", "manifests/samples/demo/postgres.yaml"}) {
    const auto documents = yaml::Parse(Page(path));
    ASSERT_TRUE(documents.ok()) << path << ": " << documents.status();
    for (const yaml::Document& document : *documents) {
      EXPECT_EQ(ProblemsOf(document.value), "") << path;
    }
  }
}

}  // namespace
}  // namespace salve::apis
