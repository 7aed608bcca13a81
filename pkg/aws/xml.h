// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_XML_H_
#define SALVE_PKG_AWS_XML_H_

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

namespace salve::aws {

// An element of a query service's answer. Attributes and namespaces are left out: no answer needs
// them.
struct XmlElement {
  std::string name;
  std::string text;  // what stands between the tags, without the children
  std::vector<XmlElement> children;

  // The first child of that name, or nullptr.
  const XmlElement* Child(std::string_view child) const;
  // Its text; "" where there is no such child.
  std::string ChildText(std::string_view child) const;
};

// The root. kInvalidArgument, with the byte, for text that is not well-formed, that is nested more
// than 64 deep, that has more than 100,000 elements, or that declares a document type (whose
// entities could refer to anything).
StatusOr<XmlElement> ParseXml(std::string_view text);

// An element without children is its text; one whose children are all <member> is an array; any
// other is an object, in which a name that comes twice is an array.
nlohmann::json XmlToJson(const XmlElement& element);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_XML_H_
