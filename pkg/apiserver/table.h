// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_TABLE_H_
#define SALVE_PKG_APISERVER_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/base/clock.h"

// What a client sees of objects: as they are, as a Table, or as metadata only. Pure functions,
// thread-safe.
namespace salve::apiserver {

enum class Representation {
  kObject,
  kTable,            // as=Table;v=v1;g=meta.k8s.io
  kPartialMetadata,  // as=PartialObjectMetadata[List];v=v1;g=meta.k8s.io
};

// From the Accept header of a request for objects: the first media type that can be served, by q
// then by order. "" and */* are kObject. Protobuf alone, and anything else unknown, is a 406.
ApiResult<Representation> NegotiateObject(std::string_view accept);

enum class DiscoveryFormat { kPlain, kAggregatedV2 };
// From the Accept header of GET /api and /apis.
ApiResult<DiscoveryFormat> NegotiateDiscovery(std::string_view accept);

// Checks a Content-Type for a request body: JSON ("" counts as JSON: old clients), YAML, protobuf.
enum class BodyFormat { kJson, kYaml, kProtobuf };
ApiResult<BodyFormat> NegotiateBody(std::string_view content_type);

enum class IncludeObject { kMetadata, kObject, kNone };
// includeObject of the query: "" is Metadata; a bad word is a 400.
ApiResult<IncludeObject> ParseIncludeObject(std::string_view text);

// `list_metadata` is the list's metadata (resourceVersion, continue, remainingItemCount).
Json MakeTable(const ServedResource& resource, const std::vector<Json>& objects,
               const Json& list_metadata, IncludeObject include, WallTime now);
// One object of a get: metadata.resourceVersion is the object's.
Json MakeTableOf(const ServedResource& resource, const Json& object, IncludeObject include,
                 WallTime now);
// The object of a watch event: `first` carries the column definitions, the others null.
Json MakeTableEvent(const ServedResource& resource, const Json& object, IncludeObject include,
                    bool first, WallTime now);

Json MakePartialMetadata(const Json& object);
Json MakePartialMetadataList(const std::vector<Json>& objects, const Json& list_metadata);

// A printer column's JSONPath: .a.b, .a['b.c'], [0], [-1], [*], [?(@.type=="Ready")]. Several
// results are what the real server makes of them: the first for a cell.
class JsonPath {
 public:
  static StatusOr<JsonPath> Parse(std::string_view text);
  // Results in order, pointing into `object`; at most 1000.
  std::vector<const Json*> Find(const Json& object) const;

 private:
  struct Step {
    enum class Kind { kField, kIndex, kAll, kFilter } kind = Kind::kField;
    std::string name;  // kField
    long index = 0;    // kIndex
    std::vector<std::string> filter_path;
    enum class Compare { kExists, kEqual, kNotEqual } compare = Compare::kExists;
    Json operand;
  };
  std::vector<Step> steps_;
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_TABLE_H_
