// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_RESOURCES_H_
#define SALVE_CONTROLLER_CLI_RESOURCES_H_

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/status.h"

namespace salve::cli {

using Json = nlohmann::json;

// A kind and the words that people use for it.
struct ResourceType {
  apis::meta::v1::ResourceInfo info;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;

  // "incident.salve.dev", "configmap": how `-o name` and messages call it.
  std::string Prefix() const;
  // Plural, singular, kind (without case), a short name, a category; or "plural.group".
  bool Means(const std::string& word) const;
};

// What is known without asking a server: Salve's kinds and the built-in ones that go with them.
const std::vector<ResourceType>& KnownTypes();
// From an APIResourceList of `group_version`; subresources are left out.
std::vector<ResourceType> TypesOf(const std::string& group_version, const Json& resource_list);
// Every type that one word means; empty if none does.
std::vector<ResourceType> Find(const std::vector<ResourceType>& types, const std::string& word);

// What the arguments "TYPE[,TYPE] [NAME…]" or "TYPE/NAME…" ask for; types are words, not resolved.
struct Wanted {
  std::string type;
  std::vector<std::string> names;
};
StatusOr<std::vector<Wanted>> ParseWanted(const std::vector<std::string>& arguments);

// What one argument names: "x", "incidents/x" and "incident.salve.dev/x" (a type), or "shop/x" (no
// type is called so: a namespace).
struct Named {
  std::string type;  // "" = not said
  std::string ns;    // "" = not said
  std::string name;
};
// kInvalidArgument for "", "/x", "x/" and more than one slash.
StatusOr<Named> ParseNamed(const std::string& argument);

// The text at a path of object keys; "" if it is not there or no text.
std::string TextAt(const Json& object, const std::vector<std::string>& path);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_RESOURCES_H_
